#pragma once

#include <cstddef>
#include <string_view>

namespace forkdex {

/// Bytes of the grapheme cluster, what a reader takes for one character, that `text` begins with
/// (The Unicode Standard, annex 29). Flags, pairs of regional indicators, come apart: nobody who
/// asks looks into clusters of their size. REQUIRES valid UTF-8, not empty.
std::size_t first_grapheme(std::string_view text);

}  // namespace forkdex
