#include "supervisor/fleet/sizing.h"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

namespace forkdex {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

/// A machine of 16 GiB, 12 of them available, and eight cores.
class Machine {
 public:
  Machine() {
    root_.write("proc/meminfo",
                "MemTotal:       16777216 kB\nMemFree:         1048576 kB\n"
                "MemAvailable:   12582912 kB\n");
  }
  Machine& with(const std::string& file, const std::string& text) {
    root_.write(file, text);
    return *this;
  }
  MachineLimits limits(unsigned affinity_cores = 8) const {
    return read_machine_limits(root_.path(), 8, affinity_cores);
  }

 private:
  test::TemporaryFolder root_;
};

}  // namespace

TEST_CASE("sizing: without cgroups the machine itself is the limit", "[sizing]") {
  const MachineLimits limits = Machine().limits(6);
  CHECK(limits.cores == 6);
  CHECK(limits.machine_cores == 8);
  CHECK(limits.total_bytes == 16 * kGiB);
  CHECK(limits.cgroup_bytes == 0);
  CHECK(limits.memory_bytes() == 12 * kGiB);
}

TEST_CASE("sizing: the least v2 limit on the way up counts", "[sizing]") {
  Machine machine;
  machine.with("proc/self/cgroup", "0::/user.slice/run.scope\n")
      .with("sys/fs/cgroup/user.slice/run.scope/memory.max", "max\n")
      .with("sys/fs/cgroup/user.slice/run.scope/cpu.max", "max 100000\n")
      .with("sys/fs/cgroup/user.slice/memory.max", "4294967296\n")
      .with("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n")
      .with("sys/fs/cgroup/other/memory.max", "1\n");
  const MachineLimits limits = machine.limits();
  CHECK(limits.cgroup_bytes == 4 * kGiB);
  CHECK(limits.cgroup_version == "v2");
  CHECK(limits.memory_bytes() == 4 * kGiB);
  CHECK(limits.cores == 2);
}

TEST_CASE("sizing: v1 limits count, and its number for none does not", "[sizing]") {
  Machine machine;
  machine.with("proc/self/cgroup", "9:name=systemd:/\n4:memory:/job\n2:cpuacct,cpu:/job\n0::/\n")
      .with("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
      .with("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648\n")
      .with("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n")
      .with("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  const MachineLimits limits = machine.limits();
  CHECK(limits.cgroup_bytes == 2 * kGiB);
  CHECK(limits.cgroup_version == "v1");
  CHECK(limits.cores == 1);
}

TEST_CASE("sizing: a container that sees its own cgroup as the mount is limited by that",
          "[sizing]") {
  Machine machine;
  machine.with("proc/self/cgroup", "4:memory:/docker/0123\n")
      .with("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n")
      .with("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
      .with("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(machine.limits().cgroup_bytes == kGiB);
  CHECK(machine.limits().cores == 8);
}

TEST_CASE("sizing: v2 mounted beside v1 counts too", "[sizing]") {
  Machine machine;
  machine.with("proc/self/cgroup", "4:memory:/\n0::/job\n")
      .with("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
      .with("sys/fs/cgroup/unified/job/memory.max", "3221225472\n");
  CHECK(machine.limits().cgroup_bytes == 3 * kGiB);
}

TEST_CASE("sizing: what makes no sense limits nothing", "[sizing]") {
  Machine machine;
  machine.with("proc/self/cgroup", "nonsense\n::\n0::/a\n")
      .with("sys/fs/cgroup/a/memory.max", "\n")
      .with("sys/fs/cgroup/a/cpu.max", "100000 0\n");
  CHECK(machine.limits().cgroup_bytes == 0);
  CHECK(machine.limits().cores == 8);
  CHECK(read_machine_limits("/nonexistent", 0, 0).cores == 1);
}

TEST_CASE("sizing: one worker a core, as long as they fit into the memory", "[sizing]") {
  CHECK(choose_workers(8, 16 * kGiB, kGiB) == 8);
  CHECK(choose_workers(8, 4 * kGiB, kGiB) == 3);
  CHECK(choose_workers(8, kGiB / 2, kGiB) == 1);
  CHECK(choose_workers(0, 0, kGiB) == 1);
  CHECK(choose_workers(1000, 4096 * kGiB, kGiB) == 256);
  CHECK(choose_workers() >= 1);
}

TEST_CASE("sizing: a worker gets an equal part of three quarters, within bounds", "[sizing]") {
  CHECK(choose_memory_per_worker(4, 4 * kGiB) == 768ULL << 20);
  CHECK(choose_memory_per_worker(8, 2 * kGiB) == 512ULL << 20);
  CHECK(choose_memory_per_worker(2, 64 * kGiB) == 2 * kGiB);
  CHECK(choose_memory_per_worker(0, 0) == 512ULL << 20);
}

TEST_CASE("sizing: this machine can be read", "[sizing]") {
  const MachineLimits limits = machine_limits();
  CHECK(limits.total_bytes > 0);
  CHECK(limits.available_bytes > 0);
  CHECK(limits.cores <= limits.machine_cores);
}

}  // namespace forkdex
