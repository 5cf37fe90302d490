#pragma once

// What a test may not leave behind. Each test program gives itself a private temporary folder (as
// root also a /run/forkdex and a /dev/shm of its own), adopts orphaned descendants, and compares
// what exists after each case with what was there before.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace forkdex::test {

/// What of this process's surroundings exists at one moment, each thing by a line that names it.
class Surroundings {
 public:
  /// Looks at child processes (orphaned grandchildren included), open descriptors, names in
  /// /dev/shm, and files in the temporary folder and in the folder for root's sockets.
  static Surroundings look();

  /// What exists in `after` and did not here.
  std::vector<std::string> new_in(const Surroundings& after) const;

 private:
  std::set<std::string> things_;
};

/// Makes this process the parent of descendants whose own parent died, so that none escapes.
void adopt_orphans();

/// Gives this process and its descendants a /run/forkdex and a /dev/shm of their own, where several
/// test programs at once would take each other's files for leftovers. Needs root; without, the
/// first is not used and in the second only names of ours are looked at.
void isolate_shared_folders();

/// Our own memory control group, where this machine has the first version; else empty.
std::filesystem::path own_memory_group();

/// Has this process and its descendants in a memory group of their own while it lives, where
/// several test programs at once would take for leftovers the groups of the supervisors that each
/// of them kills. Needs the first version of control groups; without, does nothing.
class OwnMemoryGroup {
 public:
  OwnMemoryGroup();
  OwnMemoryGroup(const OwnMemoryGroup&) = delete;
  OwnMemoryGroup& operator=(const OwnMemoryGroup&) = delete;
  ~OwnMemoryGroup();

 private:
  std::filesystem::path outer_;  // empty: no group was made
  std::filesystem::path group_;
};

/// Reaps every orphan that has ended. BLOCKS never.
void reap_orphans();

/// Exempts process `pid` and its descendants: a server that several cases share.
void expect_process(int pid);

/// Exempts everything at or under `path`.
void expect_path(const std::filesystem::path& path);

/// Runs the test cases with a check after each; leftovers are printed and make the status 1. The
/// status is kAllSkipped (skip.h) where every case was skipped.
/// REQUIRES to be called once, from main.
int run_tests(int argc, char** argv);

}  // namespace forkdex::test
