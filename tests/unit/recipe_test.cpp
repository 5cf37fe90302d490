#include "common/recipe.h"

#include <catch2/catch.hpp>

using namespace forkdex;

TEST_CASE("recipe: names the chunker and the model, and changes with either", "[recipe]") {
  ModelFolder one;
  ModelFolder other;
  one.fingerprint = sha256("one model");
  other.fingerprint = sha256("another model");
  CHECK(chunking_recipe().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(chunking_recipe().size() == 16);
  CHECK(indexing_recipe(one).starts_with(chunking_recipe()));
  CHECK(indexing_recipe(one) == indexing_recipe(one));
  CHECK(indexing_recipe(one) != indexing_recipe(other));
}
