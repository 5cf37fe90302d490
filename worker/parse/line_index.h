#pragma once

// Line numbers of a text by offset.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/parse/line_ends.h"

namespace forkdex {

/// Line numbers by offset, 1-based.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] <= '\r' && ends_line(text, i)) ends_.push_back(i);
    }
  }
  std::uint32_t line_of(std::size_t offset) const {
    const auto ends_before = std::ranges::lower_bound(ends_, offset) - ends_.begin();
    return static_cast<std::uint32_t>(ends_before + 1);
  }

 private:
  std::vector<std::size_t> ends_;
};

}  // namespace forkdex
