#pragma once

namespace forkdex {

/// Whether `c` is of a word, as most languages have it: letters, digits, `_`, `$`, and every byte
/// of characters beyond ASCII.
inline bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace forkdex
