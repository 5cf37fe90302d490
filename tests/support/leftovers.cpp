#include "tests/support/leftovers.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

#include "tests/support/processes.h"

namespace forkdex::test {
namespace fs = std::filesystem;

fs::path own_memory_group() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t at = line.find(":memory:");
    if (at != std::string::npos) return "/sys/fs/cgroup/memory" + line.substr(at + 8);
  }
  return {};
}

namespace {

bool shared_folders_are_ours = false;

std::set<int>& expected_processes() {
  static std::set<int> pids;
  return pids;
}

std::set<fs::path>& expected_paths() {
  static std::set<fs::path> paths;
  return paths;
}

bool is_expected(const fs::path& path) {
  return std::any_of(expected_paths().begin(), expected_paths().end(), [&](const fs::path& known) {
    return std::mismatch(known.begin(), known.end(), path.begin(), path.end()).first == known.end();
  });
}

void add_children(std::set<std::string>& things) {
  std::map<int, int> parents;
  const std::vector<ProcessInfo> family = descendants(::getpid());
  for (const ProcessInfo& info : family) parents[info.pid] = info.parent;
  for (const ProcessInfo& info : family) {
    bool expected = false;
    for (int pid = info.pid; pid != 0 && !expected; pid = parents[pid]) {
      expected = expected_processes().contains(pid);
    }
    if (!expected) {
      things.insert("process " + std::to_string(info.pid) + " " + info.state + " " + info.name +
                    ": " + info.command);
    }
  }
}

void add_descriptors(std::set<std::string>& things) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    const fs::path target = fs::read_symlink(entry.path(), gone);
    if (gone || target.string().ends_with("/fd")) continue;  // the one that reads this folder
    things.insert("descriptor " + entry.path().filename().string() + " of " + target.string());
  }
}

void add_files(std::set<std::string>& things, const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_expected(entry->path())) {
      entry.disable_recursion_pending();
    } else if (entry->path().filename().string().starts_with(prefix)) {
      things.insert("file " + entry->path().string());
    }
  }
}

/// Moves this process into a control group; false where the kernel refuses.
bool enter(const fs::path& group) {
  std::ofstream members(group / "cgroup.procs");
  members << ::getpid() << std::flush;
  return members.good();
}

/// The groups that supervisors made for workers and that no living one holds locked.
void add_memory_groups(std::set<std::string>& things) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(own_memory_group(), none)) {
    if (!entry.path().filename().string().starts_with("forkdex-")) continue;
    const int folder = ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) continue;
    if (::flock(folder, LOCK_EX | LOCK_NB) == 0)
      things.insert("memory group " + entry.path().string());
    ::close(folder);
  }
}

}  // namespace

Surroundings Surroundings::look() {
  reap_orphans();
  Surroundings now;
  add_children(now.things_);
  add_memory_groups(now.things_);
  add_descriptors(now.things_);
  add_files(now.things_, "/dev/shm", shared_folders_are_ours ? "" : "forkdex");
  if (shared_folders_are_ours) add_files(now.things_, "/run/forkdex", "");
  add_files(now.things_, fs::temp_directory_path(), "");
  return now;
}

std::vector<std::string> Surroundings::new_in(const Surroundings& after) const {
  std::vector<std::string> added;
  std::set_difference(after.things_.begin(), after.things_.end(), things_.begin(), things_.end(),
                      std::back_inserter(added));
  return added;
}

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

void isolate_shared_folders() {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) return;
  std::error_code exists;
  fs::create_directory("/run/forkdex", exists);
  shared_folders_are_ours = ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                            ::mount("tmpfs", "/run/forkdex", "tmpfs", 0, "mode=0711") == 0 &&
                            ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") == 0;
}

OwnMemoryGroup::OwnMemoryGroup() {
  const fs::path outer = own_memory_group();
  if (outer.empty()) return;
  const fs::path group = outer / ("tests-" + std::to_string(::getpid()));
  std::error_code refused;
  if (!fs::create_directory(group, refused)) return;
  if (!enter(group)) {
    ::rmdir(group.c_str());
    return;
  }
  outer_ = outer;
  group_ = group;
}

OwnMemoryGroup::~OwnMemoryGroup() {
  if (outer_.empty()) return;
  enter(outer_);
  ::rmdir(group_.c_str());
}

void reap_orphans() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void expect_process(int pid) { expected_processes().insert(pid); }

void expect_path(const fs::path& path) { expected_paths().insert(path); }

}  // namespace forkdex::test
