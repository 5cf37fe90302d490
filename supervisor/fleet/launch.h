#pragma once

// Starting a program of ours as a worker is started: with an environment, limits and descriptors of
// its own, and a death that follows ours.

#include <filesystem>
#include <string>
#include <vector>

#include "common/protocol/fork_request.h"
#include "supervisor/process/child_process.h"

namespace forkdex {

/// Starts `executable` with `arguments`, in a session of its own, under `limits`; it finds
/// `inherited` open and nothing else, no database secret in its environment, and is killed when
/// the calling thread ends. GIVES the child. BLOCKS until the exec happened. ERRORS kBug naming
/// what cannot be started. THREAD the main one.
Result<ChildProcess> launch(const std::filesystem::path& executable,
                            const std::vector<std::string>& arguments,
                            const InheritedFds& inherited, const ChildLimits& limits);

}  // namespace forkdex
