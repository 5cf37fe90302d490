#include "supervisor/run/recipe.h"

#include <iterator>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace forkdex;

TEST_CASE(
    "recipe: names the chunker, the model that files are cut by and whether there are text views",
    "[recipe]") {
  ModelFolder one;
  ModelFolder other;
  one.fingerprint = sha256("one model");
  other.fingerprint = sha256("another model");
  CHECK(chunking_recipe().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(chunking_recipe().size() == 16);
  CHECK(indexing_recipe({one, one}).starts_with(chunking_recipe()));
  const ViewModels different[] = {{one, one}, {other, other}, {one, {}}, {other, {}}};
  std::set<std::string> recipes;
  for (const ViewModels& models : different) recipes.insert(indexing_recipe(models));
  CHECK(recipes.size() == std::size(different));
  // Another model of the text view makes other vectors of the same rows.
  CHECK(indexing_recipe({one, other}) == indexing_recipe({one, one}));
  CHECK(indexing_recipe({{}, one}) == indexing_recipe({one, one}));
}
