#pragma once

// Which texts no person wrote: minified code, data on one line. Embedding them takes minutes a
// mebibyte, and what comes out answers no question.

#include <cstddef>
#include <string_view>

#include "common/error/result.h"

namespace forkdex {

/// Up to this size a text is taken as it is.
inline constexpr std::size_t kMaxUncheckedBytes = std::size_t{32} << 10;
/// The most characters that the lines of a larger text may have on average.
inline constexpr std::size_t kMaxAverageLine = 1000;

/// Refuses a text of more than kMaxUncheckedBytes whose lines have more than kMaxAverageLine
/// characters on average. REQUIRES well-formed UTF-8. ERRORS kGeneratedFile.
Result<void> check_written_by_hand(std::string_view text);

}  // namespace forkdex
