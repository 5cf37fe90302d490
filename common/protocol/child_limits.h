#pragma once

// What a worker may use, set between fork and exec (or after a clone), where only
// async-signal-safe calls are allowed.

#include <cstdint>

namespace forkdex {

struct ChildLimits {
  int cgroup_procs_fd = -1;      ///< of the group to join, open for writing; -1 for none
  std::uint64_t data_bytes = 0;  ///< RLIMIT_DATA; 0 leaves it as it is
  bool first_to_go = false;      ///< the kernel shall rather end this process than its parent
};

/// Sets the limits of the calling process. What the kernel refuses is left out: a worker without a
/// limit is better than none. SIGNAL-SAFE.
void apply_in_child(const ChildLimits& limits) noexcept;

}  // namespace forkdex
