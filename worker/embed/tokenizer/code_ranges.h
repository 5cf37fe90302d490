#pragma once

// Generated tables of code points, and how to look something up in them.

#include <algorithm>
#include <iterator>

namespace forkdex::unicode {

struct CodeRange {
  char32_t first;
  char32_t last;
};

/// The range of a sorted table that `code` lies in, or null.
template <class Range, std::size_t N>
const Range* find_range(const Range (&table)[N], char32_t code) {
  const auto after =
      std::upper_bound(std::begin(table), std::end(table), code,
                       [](char32_t c, const Range& range) { return c < range.first; });
  if (after == std::begin(table)) return nullptr;
  const Range* range = std::prev(after);
  return code <= range->last ? range : nullptr;
}

}  // namespace forkdex::unicode
