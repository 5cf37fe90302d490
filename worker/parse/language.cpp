#include "worker/parse/language.h"

#include <algorithm>

#include "worker/parse/queries.h"

extern "C" {
const TSLanguage* tree_sitter_javascript();
const TSLanguage* tree_sitter_python();
const TSLanguage* tree_sitter_typescript();
const TSLanguage* tree_sitter_tsx();
}

namespace forkdex {

std::span<const Language> languages() {
  // Built on first use: the query texts are constants of another file.
  static const std::array table = {
      Language{"javascript", tree_sitter_javascript, {queries::ecma, queries::javascript}},
      Language{"jsx", tree_sitter_javascript, {queries::ecma, queries::javascript}},
      Language{"python", tree_sitter_python, {queries::python}, Documentation::kFirstString},
      Language{"tsx", tree_sitter_tsx, {queries::ecma, queries::typescript}},
      Language{"typescript",
               tree_sitter_typescript,
               {queries::ecma, queries::typescript, queries::cast}},
  };
  return table;
}

const Language* find_language(std::string_view id) {
  const auto table = languages();
  const auto row = std::ranges::find(table, id, &Language::id);
  return row == table.end() ? nullptr : &*row;
}

}  // namespace forkdex
