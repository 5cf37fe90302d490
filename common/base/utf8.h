#pragma once

// UTF-8 as the Unicode Standard defines it (15.0, section 3.9, table 3-7): neither overlong forms
// nor surrogates nor values past U+10FFFF are well formed. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace forkdex {

/// What stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct Utf8Character {
  char32_t code_point;  ///< kReplacementCharacter where it is not valid
  std::size_t bytes;    ///< at least 1; of the maximal ill-formed part where it is not valid
  bool valid;
};

/// The first character of `text`. REQUIRES !text.empty().
inline Utf8Character first_character(std::string_view text) {
  const auto byte_at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte_at(0);
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xC2 || lead > 0xF4) return {kReplacementCharacter, 1, false};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The bounds of the second byte keep out overlong forms, surrogates and what is past U+10FFFF.
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code_point = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if (i == text.size() || byte_at(i) < low || byte_at(i) > high)
      return {kReplacementCharacter, i, false};
    code_point = code_point << 6 | (byte_at(i) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, bytes, true};
}

/// Bytes of the well-formed sequence that `text` starts with; 0 where there is none.
inline std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const Utf8Character first = first_character(text);
  return first.valid ? first.bytes : 0;
}

bool is_utf8(std::string_view text);

/// Appends `code_point` to `text`.
void append_utf8(char32_t code_point, std::string& text);

/// `text` with each maximal ill-formed part replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// Whether `byte` continues a sequence, and so starts no character.
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The greatest border between characters of well-formed `text` that is at most `offset`.
std::size_t code_point_border(std::string_view text, std::size_t offset);

/// `text` (well formed) cut to at most `max_bytes`, between two characters.
std::string_view capped(std::string_view text, std::size_t max_bytes);

}  // namespace forkdex
