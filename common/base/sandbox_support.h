#pragma once

// What the kernel offers for shutting a worker in (worker/sandbox/sandbox.h). Asked, not tried: a
// container may still refuse it, and then the worker says so.

#include <string>

namespace forkdex {

struct SandboxSupport {
  int landlock_abi = 0;  ///< 0: the kernel has no Landlock, or it is switched off
  bool seccomp = false;  ///< system call filters
};

SandboxSupport sandbox_support();

/// For a person: "Landlock (ABI 7), system call filter", and what is missing.
std::string describe(const SandboxSupport& support);

}  // namespace forkdex
