#pragma once

#include <cstdio>
#include <string_view>

#include "common/error/result.h"

namespace forkdex {

/// Writes what a person or script asked for to `stream` at once. A reader that went away wants no
/// more of it: that is no error. ERRORS kDiskFull, kPathUnusable.
Result<void> write_output(std::string_view text, std::FILE* stream = stdout);

}  // namespace forkdex
