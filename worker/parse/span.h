#pragma once

#include <cstddef>
#include <string_view>

#include "worker/parse/line_ends.h"

namespace forkdex {

/// A range of bytes of the decoded text, half-open.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
  bool operator==(const Span&) const = default;
};

inline std::string_view slice(std::string_view text, Span span) {
  return text.substr(span.begin, span.size());
}

/// ASCII white space.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Whether `character`, one in UTF-8, is white space beyond ASCII: Unicode's, and what the grammars
/// and TypeScript skip likewise (U+200B, U+2060, U+FEFF).
inline bool is_wide_space(std::string_view character) {
  if (character.size() == 2) return character == "\u0085" || character == "\u00a0";
  if (character.size() != 3) return false;
  if (character.starts_with("\xE2\x80")) {
    const auto last = static_cast<unsigned char>(character[2]);
    return last <= 0x8B || last == 0xA8 || last == 0xA9 || last == 0xAF;
  }
  return character == "\u1680" || character == "\u205f" || character == "\u2060" ||
         character == "\u3000" || character == "\ufeff";
}

/// Bytes of the white space character that `span` begins with; 0 where it begins with another.
inline std::size_t space_first(std::string_view text, Span span) {
  if (span.size() == 0) return 0;
  if (static_cast<unsigned char>(text[span.begin]) < 0x80)
    return is_space(text[span.begin]) ? 1 : 0;
  for (std::size_t bytes = 2; bytes <= 3 && bytes <= span.size(); ++bytes) {
    if (is_wide_space(text.substr(span.begin, bytes))) return bytes;
  }
  return 0;
}

/// Bytes of the white space character that `span` ends with; 0 where it ends with another.
inline std::size_t space_last(std::string_view text, Span span) {
  if (span.size() == 0) return 0;
  if (static_cast<unsigned char>(text[span.end - 1]) < 0x80)
    return is_space(text[span.end - 1]) ? 1 : 0;
  for (std::size_t bytes = 2; bytes <= 3 && bytes <= span.size(); ++bytes) {
    if (is_wide_space(text.substr(span.end - bytes, bytes))) return bytes;
  }
  return 0;
}

/// `span` without white space at its ends; empty (at its end) when there is nothing else in it.
inline Span trimmed(std::string_view text, Span span) {
  while (const std::size_t bytes = space_first(text, span)) span.begin += bytes;
  while (const std::size_t bytes = space_last(text, span)) span.end -= bytes;
  return span;
}

/// Whether nothing but white space stands in `span`. Looks from its end: a gap that reaches far
/// back mostly ends in code.
inline bool is_blank(std::string_view text, Span span) {
  while (const std::size_t bytes = space_last(text, span)) span.end -= bytes;
  return span.size() == 0;
}

/// Whether only white space stands between `offset` and the start of its line.
inline bool first_on_line(std::string_view text, std::size_t offset) {
  while (offset > 0 && text[offset - 1] != '\n' && text[offset - 1] != '\r') {
    const std::size_t bytes = space_last(text, {0, offset});
    if (bytes == 0) return false;
    offset -= bytes;
  }
  return true;
}

/// Whether `gap`, a range of white space, holds an empty line.
inline bool has_empty_line(std::string_view text, Span gap) {
  std::size_t ends = 0;
  for (std::size_t i = gap.begin; i < gap.end; ++i) {
    if (ends_line(text, i)) ++ends;
  }
  return ends > 1;
}

}  // namespace forkdex
