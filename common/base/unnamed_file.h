#pragma once

#include <string_view>

#include "common/base/unique_fd.h"
#include "common/error/result.h"

namespace forkdex {

/// A file in the temporary folder that has no name and ends with its descriptor; read and write,
/// CLOEXEC. ERRORS kDiskFull, kBug (the folder cannot be written).
Result<UniqueFd> open_unnamed_file();

/// Writes `bytes` at the file's end. ERRORS kDiskFull, kBug; the file may hold a part of them then.
Result<void> append_to_unnamed_file(const UniqueFd& file, std::string_view bytes);

/// What a failed read or write of such a file is. ERRORS kDiskFull, kBug.
Error unnamed_file_error(int error);

}  // namespace forkdex
