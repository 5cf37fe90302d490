#pragma once

// Where a text's lines end: with a line feed, a carriage return or both together, as editors,
// Python and JavaScript have it. U+2028 and U+2029 end a line in JavaScript alone, and count as
// white space here: no editor numbers lines by them. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// Whether a line of `text` ends with the byte at `offset`.
inline bool ends_line(std::string_view text, std::size_t offset) {
  if (text[offset] == '\n') return true;
  return text[offset] == '\r' && (offset + 1 == text.size() || text[offset + 1] != '\n');
}

/// `text` with a line feed for each carriage return that stands alone, which grammars take for
/// white space; every place stays where it is. Nothing where there is none.
inline std::optional<std::string> with_line_feeds(std::string_view text) {
  std::optional<std::string> result;
  for (std::size_t i = text.find('\r'); i != std::string_view::npos; i = text.find('\r', i + 1)) {
    if (!ends_line(text, i)) continue;
    if (!result) result.emplace(text);
    (*result)[i] = '\n';
  }
  return result;
}

}  // namespace forkdex
