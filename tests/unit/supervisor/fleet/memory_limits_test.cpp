#include "supervisor/fleet/memory_limits.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <new>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/scratch_repository.h"
#include "tests/support/skip.h"

using namespace forkdex;
using forkdex::test::ScratchFolder;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

// A sanitizer's shadow memory is many times what these limits allow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A tree that looks like a machine with a delegated v2 group; its files are plain ones.
void write_v2_tree(const ScratchFolder& tree) {
  tree.write("proc/self/cgroup", "0::/service\n");
  tree.write("proc/vmstat", "pgfault 1\noom_kill 7\n");
  tree.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
  tree.write("sys/fs/cgroup/service/cgroup.controllers", "memory\n");
  tree.write("sys/fs/cgroup/service/cgroup.subtree_control", "");
}

/// Runs `act` in a child under `limits`; its wait status.
template <class Act>
int in_child(const ChildLimits& limits, Act act) {
  const pid_t child = ::fork();
  if (child == 0) {
    apply_in_child(limits);
    act();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

void touch(std::uint64_t bytes) {
  for (std::uint64_t done = 0; done < bytes; done += kMiB) {
    void* memory =
        ::mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) ::_exit(17);
    // volatile: a write that nobody reads must not be left out.
    for (std::uint64_t at = 0; at < kMiB; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  }
}

/// The folder of this process's groups, which are gone again; where none can be made, the test is
/// skipped and the path is empty.
fs::path folder_of_groups() {
  MemoryLimits limits = MemoryLimits::open("/");
  if (limits.kind() == MemoryLimits::Kind::kNone) {
    test::skip("no group can be made here: " + limits.shortcoming());
    return {};
  }
  limits.divide(1, 64 * kMiB);
  const fs::path procs =
      fs::read_symlink("/proc/self/fd/" + std::to_string(limits.of(0).cgroup_procs_fd));
  return procs.parent_path().parent_path();
}

}  // namespace

TEST_CASE("memory limits: a v2 group is divided as its rules want", "[memory limit]") {
  const ScratchFolder tree;
  write_v2_tree(tree);
  const fs::path own = tree / "sys/fs/cgroup/service";
  MemoryLimits limits = MemoryLimits::open(tree.path());
  REQUIRE(limits.kind() == MemoryLimits::Kind::kV2);
  CHECK(content(own / "supervisor/cgroup.procs") == "0");
  CHECK(content(own / "cgroup.subtree_control") == "+memory");
  limits.divide(2, 512 * kMiB);
  const fs::path parent = own / ("forkdex-" + std::to_string(::getpid()));
  CHECK(content(parent / "cgroup.subtree_control") == "+memory");
  for (const char* worker : {"worker-0", "worker-1"}) {
    CHECK(content(parent / worker / "memory.max") == std::to_string(512 * kMiB));
    CHECK(content(parent / worker / "memory.oom.group") == "0");
  }
  CHECK(limits.of(1).cgroup_procs_fd >= 0);
  CHECK(limits.of(0).data_bytes < 512 * kMiB);
  CHECK(limits.soft_bytes() < limits.of(0).data_bytes);
  tree.write(parent.lexically_relative(tree.path()).string() + "/worker-1/cgroup.procs",
             "12\n34\n");
  CHECK(limits.confines(1, 34));
  CHECK_FALSE(limits.confines(1, 3));
  CHECK_FALSE(limits.confines(0, 34));
}

TEST_CASE("memory limits: the last supervisor gives a v2 group back as it was", "[memory limit]") {
  const ScratchFolder tree;
  write_v2_tree(tree);
  const fs::path own = tree / "sys/fs/cgroup/service";
  {
    const MemoryLimits first = MemoryLimits::open(tree.path());
    {
      // Shares our name, and so gets no groups; it has moved all the same.
      const MemoryLimits second = MemoryLimits::open(tree.path());
    }
    CHECK(content(own / "cgroup.subtree_control") == "+memory");
  }
  CHECK(content(own / "cgroup.subtree_control") == "-memory");
  CHECK(content(own / "cgroup.procs") == "0");
}

TEST_CASE("memory limits: the v2 counters tell whose memory ran out", "[memory limit]") {
  const ScratchFolder tree;
  write_v2_tree(tree);
  MemoryLimits limits = MemoryLimits::open(tree.path());
  limits.divide(2, 512 * kMiB);
  const std::string parent =
      "sys/fs/cgroup/service/forkdex-" + std::to_string(::getpid()) + "/worker-";
  CHECK_FALSE(limits.oom_kill_seen(0));
  tree.write(parent + "0/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n");
  CHECK_FALSE(limits.oom_kill_seen(1));
  CHECK(limits.oom_kill_seen(0).value_or("none") == "worker");
  CHECK_FALSE(limits.oom_kill_seen(0));  // told once
  tree.write(parent + "1/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
  CHECK(limits.oom_kill_seen(1).value_or("none") == "container");

  // What was told before the workers were divided anew is not told again.
  limits.divide(2, 256 * kMiB);
  CHECK_FALSE(limits.oom_kill_seen(0));
  CHECK_FALSE(limits.oom_kill_seen(1));
  CHECK(content(tree / (parent + "0/memory.max")) == std::to_string(256 * kMiB));
}

TEST_CASE("memory limits: without a group the machine's counter tells", "[memory limit]") {
  const ScratchFolder tree;
  tree.write("proc/vmstat", "oom_kill 7\n");
  MemoryLimits limits = MemoryLimits::open(tree.path());
  CHECK(limits.kind() == MemoryLimits::Kind::kNone);
  CHECK(limits.shortcoming() == "there is no memory cgroup");
  limits.divide(1, 512 * kMiB);
  CHECK(limits.of(0).cgroup_procs_fd == -1);
  CHECK(limits.of(0).data_bytes > 0);
  CHECK_FALSE(limits.oom_kill_seen(0));
  tree.write("proc/vmstat", "oom_kill 8\n");
  CHECK(limits.oom_kill_seen(0).value_or("none") == "machine");
  CHECK_FALSE(limits.oom_kill_seen(0));

  // One that was counted while nobody of ours died is not taken for ours later on.
  tree.write("proc/vmstat", "oom_kill 9\n");
  limits.forget_older_kills();
  limits.forget_older_kills();
  CHECK_FALSE(limits.oom_kill_seen(0));
  // One that was counted just before is.
  tree.write("proc/vmstat", "oom_kill 10\n");
  limits.forget_older_kills();
  CHECK(limits.oom_kill_seen(0).value_or("none") == "machine");
}

TEST_CASE("memory limits: a v2 group that is not ours to divide is left as it was",
          "[memory limit]") {
  const ScratchFolder tree;
  write_v2_tree(tree);
  const fs::path own = tree / "sys/fs/cgroup/service";
  fs::remove(own / "cgroup.subtree_control");
  fs::create_directory(own / "cgroup.subtree_control");  // writing it fails
  const MemoryLimits limits = MemoryLimits::open(tree.path());
  CHECK(limits.kind() == MemoryLimits::Kind::kNone);
  CHECK(limits.shortcoming().find("cannot be divided") != std::string::npos);
  CHECK(content(own / "cgroup.procs") == "0");
}

TEST_CASE("memory limits: what a dead supervisor left is removed, a living one's is not",
          "[memory limit]") {
  MemoryLimits living = MemoryLimits::open("/");
  if (living.kind() == MemoryLimits::Kind::kNone) {
    test::skip("no group can be made here: " + living.shortcoming());
    return;
  }
  living.divide(1, 64 * kMiB);
  const ChildLimits limits = living.of(0);
  const fs::path own =
      fs::read_symlink("/proc/self/fd/" + std::to_string(limits.cgroup_procs_fd)).parent_path();
  const fs::path stale = own.parent_path().parent_path() / "forkdex-0";
  fs::create_directories(stale / "worker-0");
  {
    // Only the constructor cleans up. This one shares our name, and fails to lock it.
    const MemoryLimits another = MemoryLimits::open("/");
    CHECK_FALSE(fs::exists(stale));
    CHECK(fs::exists(own));
  }
  CHECK(fs::exists(own));
}

TEST_CASE("memory limits: waits for who looks whether the group's supervisor lives",
          "[memory limit]") {
  const fs::path parent = folder_of_groups();
  if (parent.empty()) return;
  fs::create_directory(parent);
  UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(folder.get(), LOCK_EX | LOCK_NB) == 0);
  std::thread looker([&folder] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    folder.reset();
  });
  {
    const MemoryLimits limits = MemoryLimits::open("/");
    looker.join();
    CHECK(limits.kind() != MemoryLimits::Kind::kNone);
  }
  CHECK_FALSE(fs::exists(parent));
}

TEST_CASE("memory limits: removes at the end a group whose process ended after the start",
          "[memory limit]") {
  const fs::path groups = folder_of_groups();
  if (groups.empty()) return;
  const fs::path stale = groups.parent_path() / "forkdex-0";
  fs::create_directories(stale / "worker-0");
  // The worker of a killed supervisor, which has not ended yet.
  const pid_t worker = ::fork();
  if (worker == 0) {
    for (;;) ::pause();
  }
  std::ofstream(stale / "worker-0/cgroup.procs") << worker << std::flush;
  {
    const MemoryLimits limits = MemoryLimits::open("/");
    CHECK(fs::exists(stale));
    ::kill(worker, SIGKILL);
    CHECK(::waitpid(worker, nullptr, 0) == worker);
  }
  CHECK_FALSE(fs::exists(stale));
}

TEST_CASE("memory limits: the kernel ends who allocates without end, and nobody else",
          "[memory limit]") {
  MemoryLimits limits = MemoryLimits::open("/");
  if (limits.kind() == MemoryLimits::Kind::kNone) {
    test::skip("no group can be made here: " + limits.shortcoming());
    return;
  }
  if (kSanitized) return test::skip("a sanitizer's shadow memory is beyond these limits");
  limits.divide(2, 64 * kMiB);
  ChildLimits hard = limits.of(0);
  hard.data_bytes = 0;  // the soft wall away, the hard one must hold
  const int status = in_child(hard, [] { touch(1024 * kMiB); });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(limits.oom_kill_seen(0).value_or("none") == "worker");
  CHECK_FALSE(limits.oom_kill_seen(1));
  ChildLimits neighbour = limits.of(1);
  neighbour.data_bytes = 0;  // this program has more than that in libraries alone
  CHECK(in_child(neighbour, [] { touch(16 * kMiB); }) == 0);
  CHECK_FALSE(limits.oom_kill_seen(1));
}

TEST_CASE("memory limits: at the soft wall an allocation fails and the process goes on",
          "[memory limit]") {
  if (kSanitized) return test::skip("a sanitizer's shadow memory is beyond these limits");
  ChildLimits limits;
  limits.data_bytes = 256 * kMiB;
  const int status = in_child(limits, [] {
    touch(16 * kMiB);
    char* all = new (std::nothrow) char[1024 * kMiB];
    ::_exit(all ? 1 : 42);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
}
