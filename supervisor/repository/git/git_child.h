#pragma once

// What every start of the git program takes: where it is found, and what it said before it ended.

#include <string>
#include <string_view>

#include "common/base/unique_fd.h"

namespace forkdex {

/// The first git on the PATH, absolute; empty where there is none.
std::string find_git();

/// A memory file that holds `content` and closes on exec. Invalid, with errno, where none can be
/// made.
UniqueFd git_memory_file(std::string_view content);

/// The end of what git wrote to the memory file `errors`, as far as it is to the point: as one
/// line, without userinfo in URLs.
std::string git_stderr_tail(int errors);

}  // namespace forkdex
