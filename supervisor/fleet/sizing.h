#pragma once

// How many workers this machine, or the container around us, has room for. Everything is read
// below a root folder given as a parameter, so that a test can give a tree of its own.

#include <cstdint>
#include <filesystem>
#include <string>

namespace forkdex {

/// What this process may use.
struct MachineLimits {
  unsigned machine_cores = 1;  ///< online
  unsigned cores = 1;          ///< of them usable: affinity and cgroup quota applied, at least 1
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  ///< MemAvailable: free, or given back on demand
  std::uint64_t cgroup_bytes = 0;     ///< least limit of our cgroup and those above; 0 for none
  std::string cgroup_version;         ///< "v1" or "v2", where cgroup_bytes comes from; else empty

  /// Memory that a run may count on.
  std::uint64_t memory_bytes() const;
};

/// Reads <root>/proc/{meminfo,self/cgroup} and <root>/sys/fs/cgroup; what cannot be read limits
/// nothing. `affinity_cores`: processors in our affinity mask.
MachineLimits read_machine_limits(const std::filesystem::path& root, unsigned machine_cores,
                                  unsigned affinity_cores);

/// This machine's, by sched_getaffinity.
MachineLimits machine_limits();

/// Memory to plan for a worker: encoder, parser and batch in hand. Weights are shared and small
/// beside it.
inline constexpr std::uint64_t kPlannedWorkerBytes = 400ULL << 20;

/// Workers for `--workers auto`: one a core, as long as they fit into three quarters of the memory
/// (the rest is the supervisor's, the database's and the page cache's). 1 to 256.
unsigned choose_workers(unsigned cores, std::uint64_t memory_bytes,
                        std::uint64_t bytes_per_worker = kPlannedWorkerBytes);

/// What --workers auto comes to on this machine, with workers of `bytes_per_worker`.
unsigned choose_workers(std::uint64_t bytes_per_worker = kPlannedWorkerBytes);

/// Memory for `--memory-per-worker auto`: an equal part of three quarters of the memory, at least
/// 512 MiB and at most 2 GiB. More is seldom what a job needs, and only delays the end of one that
/// allocates without end.
std::uint64_t choose_memory_per_worker(unsigned workers, std::uint64_t memory_bytes);

/// The most memory this program has had resident, in bytes: the kernel's own mark.
std::uint64_t peak_rss_bytes();

}  // namespace forkdex
