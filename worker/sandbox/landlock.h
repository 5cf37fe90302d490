#pragma once

#include <filesystem>
#include <vector>

namespace forkdex {

/// Confines the calling thread and its future children, by Landlock as far as this kernel has it:
/// files below `readable` may be read, every other access to files by a path is denied; no TCP
/// connection (ABI 4), no abstract socket and no signal to the outside (ABI 6). What is open stays
/// open. REQUIRES no_new_privs. Returns 0 or an errno value; on an error nothing has changed.
/// Source: Documentation/userspace-api/landlock.rst of Linux.
int restrict_files(const std::vector<std::filesystem::path>& readable);

}  // namespace forkdex
