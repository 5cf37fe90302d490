#pragma once

#include <cstdio>
#include <string_view>

#include "common/error/result.h"

namespace forkdex {

/// Writes what a person or script asked for to `stream` at once. A reader that went away wants no
/// more of it, and a standard error that is closed has no reader: those are no errors.
/// ERRORS kDiskFull, kPathUnusable.
Result<void> write_output(std::string_view text, std::FILE* stream = stdout);

/// Whether `fd` is open for writing. ERRORS kPathUnusable: the sentence speaks of standard output.
Result<void> check_output(int fd);

}  // namespace forkdex
