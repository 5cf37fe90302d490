#pragma once

// The memory each worker may use, enforced by the kernel: a memory group (cgroup v2 or v1) a place
// where this process may make some, and inside it RLIMIT_DATA as the soft wall, at which an
// allocation fails and the worker can still say so. Where no group can be made, RLIMIT_DATA alone.
//
// Owns the groups: they are removed with the object. A supervisor that is killed leaves its groups,
// empty once its workers have ended; the next supervisor removes those that no living one holds
// locked when it starts, and those whose workers ended later when it ends.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/protocol/child_limits.h"

namespace forkdex {

/// Reads what a process has on its heap and stacks, in bytes (RssAnon); 0 when it cannot be read.
std::uint64_t anonymous_bytes(int pid);

class MemoryLimits {
 public:
  /// Where groups can be made, and how.
  enum class Kind { kNone, kV1, kV2 };
  static std::string_view name(Kind kind);  ///< "cgroup v2", "cgroup v1", "RLIMIT_DATA only"

  /// Looks where our own group is below `root` ("/", or a tree of a test's own) and whether it may
  /// be divided; removes what dead supervisors left there. With v2, moves this process into a
  /// group beside the workers', because a group with processes cannot be divided; so it is called
  /// before anything is spawned. Never fails: without groups, kind() is kNone.
  static MemoryLimits open(const std::filesystem::path& root);

  MemoryLimits(MemoryLimits&&) noexcept;
  MemoryLimits& operator=(MemoryLimits&&) = delete;
  ~MemoryLimits();

  Kind kind() const { return kind_; }
  /// Why kind() is kNone, for the one warning; empty otherwise.
  const std::string& shortcoming() const { return shortcoming_; }

  /// Makes a group of `bytes` for each of `places` workers. May be called again when the workers of
  /// the division before are gone.
  void divide(unsigned places, std::uint64_t bytes);

  ChildLimits of(unsigned place) const;
  /// Whether `pid` stands in the place's group, as it should: a worker enters it by itself, and
  /// goes on where the kernel refuses. True where there are no groups.
  bool confines(unsigned place, int pid) const;
  std::uint64_t bytes() const { return bytes_; }
  /// A worker that has more than this when a job is finished is better replaced.
  std::uint64_t soft_bytes() const { return bytes_ / 4 * 3; }

  /// Whether the kernel has ended a process of the place for memory since the last question, and
  /// whose memory had run out: "worker", "container" or "machine".
  std::optional<std::string> oom_kill_seen(unsigned place);
  /// To be called now and then: without groups, a kill that was counted before the last two calls
  /// is somebody else's, and not taken for that of a worker which dies later.
  void forget_older_kills();

 private:
  struct Group {
    std::filesystem::path folder;
    UniqueFd procs;
    std::uint64_t kills = 0;
    std::uint64_t hits = 0;  // how often its own limit was met, as v2 counts
  };
  MemoryLimits() = default;
  bool open_v1();
  bool open_v2();
  int move_beside(const std::filesystem::path& ours);
  void remove_stale() const;
  bool make_parent();
  std::optional<Group> make_group(unsigned place) const;
  void undo_v2() const;
  std::uint64_t kills_in(const Group& group) const;
  bool met_own_limit(Group& group) const;
  std::uint64_t kills_around() const;

  std::filesystem::path root_;
  Kind kind_ = Kind::kNone;
  std::string shortcoming_;
  std::filesystem::path own_;     // our group's folder
  std::filesystem::path parent_;  // of the workers' groups
  UniqueFd lock_;                 // on parent_: tells that we live
  UniqueFd beside_;               // v2: the group we moved into, locked by all who are in it
  std::vector<Group> groups_;
  std::uint64_t bytes_ = 0;
  std::uint64_t kills_around_ = 0;
  std::uint64_t recent_kills_around_ = 0;  // at the last forget_older_kills()
};

}  // namespace forkdex
