#pragma once

// The paths whose last commit a walk looks for, in disjoint sets: each set is on its way down one
// line of history, and moves as a whole at no cost, however many paths are in it. Some 40 bytes a
// path.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/hash.h"
#include "supervisor/repository/commit.h"

namespace forkdex {

class PathSets {
 public:
  using Set = std::uint32_t;
  using Path = std::uint32_t;
  static constexpr Set kNoSet = UINT32_MAX;

  /// Adds a path by the hash of its bytes (relative to the root). `is_known`: what is stored of it
  /// was right when the old head was walked. REQUIRES that no path is looked for yet.
  void add(const Sha256& path_hash, bool is_known);
  std::size_t paths() const { return paths_.size(); }

  /// Begins a walk: puts every known path into one set, where `use_known`. The others are in no
  /// set, and without a commit until they are moved.
  struct Start {
    Set known = kNoSet;
    bool others = false;  ///< there are some
  };
  Start start(bool use_known);

  std::optional<Path> find(const Sha256& path_hash) const;
  Set set_of(Path path);
  std::size_t size(Set set) const { return set == kNoSet ? 0 : sets_[set].size; }

  /// Moves `path` into `set`, which is made where it is kNoSet.
  void move(Path path, Set& set);
  /// Joins two sets, of which either may be kNoSet.
  Set join(Set a, Set b);
  /// `path` leaves its set: `commit` is its last one; nothing: it has none.
  void answer(Path path, const std::optional<ObjectId>& commit);
  /// What is stored of the paths in `set` stays.
  void keep(Set set);

  /// The first path from `at` on whose stored commit may be another now, in order of the hashes;
  /// `at` moves after it. Nothing after the last one. A path that is still on its way has no
  /// commit.
  std::optional<LastCommit> next_answer(Path& at);

 private:
  struct Entry {
    Sha256 hash;
    Set set = kNoSet;
    std::uint32_t answer = kNoCommit;  // index into commits_
    bool known = false;
  };
  struct Tree {  // a set is a tree of those that were joined into it
    Set parent;
    std::uint32_t size;
    bool kept = false;
  };
  static constexpr std::uint32_t kNoCommit = UINT32_MAX;

  Set make();
  Set root(Set set);
  void leave(Entry& entry);

  std::vector<Entry> paths_;
  std::vector<Tree> sets_;
  std::vector<ObjectId> commits_;  // answers, equal ones side by side once
};

}  // namespace forkdex
