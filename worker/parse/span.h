#pragma once

#include <cstddef>
#include <string_view>

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

/// ASCII white space. Other white space counts as text: it is rare and then meant.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// `span` without white space at its ends; empty (at its end) when there is nothing else in it.
inline Span trimmed(std::string_view text, Span span) {
  while (span.begin < span.end && is_space(text[span.begin])) ++span.begin;
  while (span.end > span.begin && is_space(text[span.end - 1])) --span.end;
  return span;
}

/// Whether nothing but white space stands in `span`. Looks from its end: a gap that reaches far
/// back mostly ends in code.
inline bool is_blank(std::string_view text, Span span) {
  while (span.end > span.begin && is_space(text[span.end - 1])) --span.end;
  return span.size() == 0;
}

/// Whether only blanks stand between `offset` and the start of its line.
inline bool first_on_line(std::string_view text, std::size_t offset) {
  while (offset > 0 && (text[offset - 1] == ' ' || text[offset - 1] == '\t')) --offset;
  return offset == 0 || text[offset - 1] == '\n' || text[offset - 1] == '\r';
}

/// Whether `gap`, a range of white space, holds an empty line.
inline bool has_empty_line(std::string_view text, Span gap) {
  std::size_t ends = 0;
  for (std::size_t i = gap.begin; i < gap.end; ++i) {
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    if (text[i] == '\n' || lone_return) ++ends;
  }
  return ends > 1;
}

}  // namespace forkdex
