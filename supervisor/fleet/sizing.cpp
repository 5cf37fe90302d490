#include "supervisor/fleet/sizing.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "supervisor/fleet/cgroup_path.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The number at the start of `text`; none for "max" or "-1".
std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::uint64_t meminfo_bytes(std::string_view meminfo, std::string_view key) {
  const std::size_t at = meminfo.find(key);
  if (at == std::string_view::npos) return 0;
  return leading_number(meminfo.substr(at + key.size())).value_or(0) * 1024;
}

// Calls `visit` with our cgroup's folder and those above it, up to the mount. A container that
// sees its own cgroup as the mount has no folder of the path's name there; the mount is it then.
template <class F>
void visit_upwards(const fs::path& mount, fs::path group, F visit) {
  for (;; group = group.parent_path()) {
    visit(mount / group);
    if (group.empty()) return;
  }
}

void apply_quota(MachineLimits& limits, std::uint64_t quota_us, std::uint64_t period_us) {
  if (period_us == 0) return;
  const auto whole = static_cast<unsigned>(std::min<std::uint64_t>(quota_us / period_us, 1 << 16));
  limits.cores = std::max(1U, std::min(limits.cores, whole));
}

void apply_memory(MachineLimits& limits, std::uint64_t bytes, std::string_view version) {
  // v1 says "no limit" by a number beyond any machine.
  if (bytes >= limits.total_bytes && limits.total_bytes != 0) return;
  if (limits.cgroup_bytes != 0 && bytes >= limits.cgroup_bytes) return;
  limits.cgroup_bytes = bytes;
  limits.cgroup_version = version;
}

void read_v2(MachineLimits& limits, const fs::path& mount, const fs::path& group) {
  visit_upwards(mount, group, [&](const fs::path& folder) {
    if (const auto bytes = leading_number(content(folder / "memory.max")))
      apply_memory(limits, *bytes, "v2");
    const std::string quota = content(folder / "cpu.max");
    const std::size_t space = quota.find(' ');
    if (space == std::string::npos) return;
    if (const auto microseconds = leading_number(quota))
      apply_quota(limits, *microseconds,
                  leading_number(std::string_view(quota).substr(space)).value_or(0));
  });
}

void read_v1(MachineLimits& limits, const fs::path& cgroups, const std::string& table) {
  if (const auto group = own_cgroup(table, "memory"))
    visit_upwards(cgroups / "memory", *group, [&](const fs::path& folder) {
      if (const auto bytes = leading_number(content(folder / "memory.limit_in_bytes")))
        apply_memory(limits, *bytes, "v1");
    });
  if (const auto group = own_cgroup(table, "cpu"))
    visit_upwards(cgroups / "cpu", *group, [&](const fs::path& folder) {
      if (const auto quota = leading_number(content(folder / "cpu.cfs_quota_us")))
        apply_quota(limits, *quota,
                    leading_number(content(folder / "cpu.cfs_period_us")).value_or(0));
    });
}

}  // namespace

std::uint64_t MachineLimits::memory_bytes() const {
  return cgroup_bytes == 0 ? available_bytes : std::min(available_bytes, cgroup_bytes);
}

MachineLimits read_machine_limits(const fs::path& root, unsigned machine_cores,
                                  unsigned affinity_cores) {
  MachineLimits limits;
  limits.machine_cores = std::max(1U, machine_cores);
  limits.cores = std::max(1U, std::min(limits.machine_cores, affinity_cores));
  const std::string meminfo = content(root / "proc/meminfo");
  limits.total_bytes = meminfo_bytes(meminfo, "MemTotal:");
  limits.available_bytes = meminfo_bytes(meminfo, "MemAvailable:");
  const std::string table = content(root / "proc/self/cgroup");
  const fs::path cgroups = root / "sys/fs/cgroup";
  read_v1(limits, cgroups, table);
  if (const auto group = own_cgroup(table, "")) {
    read_v2(limits, cgroups, *group);
    read_v2(limits, cgroups / "unified", *group);  // where systemd mounts v2 beside v1
  }
  return limits;
}

MachineLimits machine_limits() {
  const auto online = static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t mask;
  CPU_ZERO(&mask);
  // Fails on machines with more than 1024 processors; they have no lack of them.
  const bool known = ::sched_getaffinity(0, sizeof mask, &mask) == 0;
  return read_machine_limits("/", online, known ? static_cast<unsigned>(CPU_COUNT(&mask)) : online);
}

unsigned choose_workers(unsigned cores, std::uint64_t memory_bytes,
                        std::uint64_t bytes_per_worker) {
  constexpr std::uint64_t kMost = 256;
  const std::uint64_t fitting =
      bytes_per_worker == 0 ? kMost : memory_bytes / 4 * 3 / bytes_per_worker;
  return static_cast<unsigned>(
      std::clamp<std::uint64_t>(std::min<std::uint64_t>(cores, fitting), 1, kMost));
}

unsigned choose_workers(std::uint64_t bytes_per_worker) {
  const MachineLimits limits = machine_limits();
  return choose_workers(limits.cores, limits.memory_bytes(), bytes_per_worker);
}

std::uint64_t choose_memory_per_worker(unsigned workers, std::uint64_t memory_bytes) {
  constexpr std::uint64_t kLeast = 512ULL << 20;
  constexpr std::uint64_t kMost = 2ULL << 30;
  // In coarse steps: a file that the limit refused is tried again under a higher one, and what a
  // machine has available is never twice the same.
  constexpr std::uint64_t kStep = 256ULL << 20;
  const std::uint64_t share = memory_bytes / 4 * 3 / std::max(workers, 1U);
  return std::clamp(share / kStep * kStep, kLeast, kMost);
}

std::uint64_t peak_rss_bytes() {
  // Not getrusage: its mark survives exec, and would be our parent's.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace forkdex
