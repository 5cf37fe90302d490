#pragma once

// The table of languages that have a grammar. A language is a pin in deploy/grammars, a row here
// and query files in worker/languages; what no row names is cut into windows of lines.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

struct TSLanguage;

namespace forkdex {

/// Where a language's tools look for what a definition says of itself.
enum class Documentation : std::uint8_t {
  kComments,    ///< JSDoc's: a comment before the definition
  kFirstString  ///< Python's: a string that is the first statement
};

struct Language {
  std::string_view id;                      ///< as language_of gives it
  const TSLanguage* (*grammar)();           ///< static storage
  std::array<std::string_view, 3> queries;  ///< compiled as one text, in this order; may be empty
  Documentation documentation = Documentation::kComments;
};

/// The row of `id`, or nullptr when there is no grammar for it. Static storage.
const Language* find_language(std::string_view id);

/// Every row.
std::span<const Language> languages();

}  // namespace forkdex
