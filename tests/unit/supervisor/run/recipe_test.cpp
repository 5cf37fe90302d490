#include "supervisor/run/recipe.h"

#include <iterator>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace forkdex;

TEST_CASE(
    "recipe: names the chunker and each view's model, and changes with either and with embedding",
    "[recipe]") {
  ModelFolder one;
  ModelFolder other;
  one.fingerprint = sha256("one model");
  other.fingerprint = sha256("another model");
  CHECK(chunking_recipe().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(chunking_recipe().size() == 16);
  CHECK(indexing_recipe({one, one}, true).starts_with(chunking_recipe()));
  CHECK(indexing_recipe({one, one}, true) == indexing_recipe({one, one}, true));
  const ViewModels all[] = {{one, one}, {one, other}, {other, one}, {other, other},
                            {one, {}},  {{}, one},    {other, {}},  {{}, other}};
  std::set<std::string> recipes;
  for (const ViewModels& models : all)
    for (const bool embeds : {true, false}) recipes.insert(indexing_recipe(models, embeds));
  CHECK(recipes.size() == 2 * std::size(all));
}
