#pragma once

// What another process wrote into shared memory, as far as it can be true. It may have been killed
// in the middle of a word, or be overrun by the file in its hands.

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "common/base/path_text.h"
#include "common/base/utf8.h"

namespace forkdex {

/// A time since the steady clock's epoch, or how long something took: neither is negative nor ends
/// after now, so that sums and differences of such times cannot overflow.
inline std::chrono::nanoseconds plausible_time(std::chrono::nanoseconds written) {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return std::clamp(written, std::chrono::nanoseconds(0), now);
}

/// Text that rows and terminals take: what is no UTF-8, or holds NUL, is escaped as display_path
/// does it.
inline std::string plausible_text(std::string written) {
  const bool is_text = is_utf8(written) && written.find('\0') == std::string::npos;
  return is_text ? std::move(written) : display_path(written);
}

}  // namespace forkdex
