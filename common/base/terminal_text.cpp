#include "common/base/terminal_text.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Blocks, not single characters: a width that is wrong by one shifts a line and harms nothing else.
constexpr std::array<Range, 11> kWide = {{{0x1100, 0x115f},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0xa4cf},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x1f64f},
                                          {0x1f900, 0x1faff},
                                          {0x20000, 0x3fffd}}};
constexpr std::array<Range, 5> kZeroWidth = {
    {{0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}}};
// C0, DEL and C1; line and paragraph separator; bidirectional marks, overrides and isolates.
constexpr std::array<Range, 6> kUnprintable = {{{0x00, 0x1f},
                                                {0x7f, 0x9f},
                                                {0x061c, 0x061c},
                                                {0x200e, 0x200f},
                                                {0x2028, 0x202e},
                                                {0x2066, 0x2069}}};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

/// The first character of `text`; a byte that is not part of UTF-8 stands for itself.
Utf8Character next_character(std::string_view text) {
  const Utf8Character first = first_character(text);
  return first.valid ? first : Utf8Character{static_cast<unsigned char>(text[0]), 1, false};
}

std::size_t width_of(char32_t c) { return in(kZeroWidth, c) ? 0 : in(kWide, c) ? 2 : 1; }

}  // namespace

bool starts_unprintable(std::string_view text) {
  return in(kUnprintable, next_character(text).code_point);
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character c = next_character(text);
    if (!in(kUnprintable, c.code_point)) {
      shown += text.substr(0, c.bytes);
    } else {
      for (const char byte : text.substr(0, c.bytes))
        fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(byte));
    }
    text.remove_prefix(c.bytes);
  }
  return shown;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Utf8Character c = next_character(text);
    width += width_of(c.code_point);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string keep_end(std::string_view text, std::size_t columns) {
  constexpr std::string_view kEllipsis = "...";
  std::size_t width = display_width(text);
  if (width <= columns) return std::string(text);
  if (columns <= kEllipsis.size()) return std::string(kEllipsis.substr(0, columns));
  while (width > columns - kEllipsis.size()) {
    const Utf8Character c = next_character(text);
    width -= width_of(c.code_point);
    text.remove_prefix(c.bytes);
  }
  return std::string(kEllipsis).append(text);
}

std::string keep_start(std::string_view text, std::size_t columns) {
  std::size_t kept = 0;
  for (std::size_t width = 0; kept < text.size();) {
    const Utf8Character c = next_character(text.substr(kept));
    width += width_of(c.code_point);
    if (width > columns) break;
    kept += c.bytes;
  }
  return std::string(text.substr(0, kept));
}

}  // namespace forkdex
