#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

namespace forkdex {

/// A file in the temporary folder that has no name and ends with its descriptor; read and write,
/// CLOEXEC. ERRORS kDiskFull, kBug (the folder cannot be written).
Result<UniqueFd> open_unnamed_file();

/// What a failed read or write of such a file is. ERRORS kDiskFull, kBug.
Error unnamed_file_error(int error);

}  // namespace forkdex
