#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace forkdex {

/// Whether `c` is of a word, as most languages have it: letters, digits, `_`, `$`, and every byte
/// of characters beyond ASCII.
inline bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

/// The word that `text` begins with; may be empty.
inline std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(0, end);
}

template <std::size_t size>
bool is_one_of(std::string_view word, const std::array<std::string_view, size>& words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace forkdex
