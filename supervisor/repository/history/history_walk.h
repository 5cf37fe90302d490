#pragma once

// One walk over a history (History::walk): which commit comes next, and what is on its way where.
// Commits come after all of their children where no old head is known, else the newest first.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "supervisor/repository/history/commit_object.h"
#include "supervisor/repository/history/history.h"
#include "supervisor/repository/history/tree_comparison.h"

struct git_odb;
struct git_repository;

namespace forkdex {

class HistoryWalk {
 public:
  using CutOff = std::unordered_set<ObjectId, ObjectIdHash>;

  /// REQUIRES that all that is passed outlives the walk; `paths` may be null.
  HistoryWalk(git_repository* repository, std::string prefix, const CutOff& cut_off,
              PathSets* paths, const History::Visitor& visitor);
  ~HistoryWalk();
  HistoryWalk(const HistoryWalk&) = delete;
  HistoryWalk& operator=(const HistoryWalk&) = delete;

  /// See History::walk. Call once.
  Result<History::Walked> run(const ObjectId& head, const std::optional<ObjectId>& old_head);

 private:
  /// The sets of paths at one commit: those that keep their answer at the old head, and those that
  /// go on beyond it.
  using Sets = std::array<PathSets::Set, 2>;
  static constexpr Sets kNoSets = {PathSets::kNoSet, PathSets::kNoSet};

  /// What reaches a commit through its children.
  struct Delivery {
    bool fresh = false;  ///< the new head reaches it
    bool old = false;    ///< the old head reaches it
    Sets sets = kNoSets;
  };
  struct Waiting {
    CommitLinks links;
    Delivery delivery;
    bool has_turn = false;
  };
  struct Turn {  // the newest first, then who came first
    std::int64_t time;
    std::uint64_t number;
    ObjectId id;
    bool operator<(const Turn& other) const {
      return time != other.time ? time < other.time : number > other.number;
    }
  };

  /// What is known of a commit that has been met.
  struct Seen {
    std::uint32_t fresh : 1 = 0;
    std::uint32_t old : 1 = 0;
    std::uint32_t children : 30 = 0;  ///< those that have yet to deliver, where they are counted
  };

  Result<bool> count_children(const ObjectId& head);
  Result<void> start(const ObjectId& head);
  Result<void> deliver(const ObjectId& id, Delivery delivery);
  void keep_at_old_head(Delivery& delivery);
  bool note_arrival(const ObjectId& id, Delivery& delivery);
  Result<Waiting*> waiting_for(const ObjectId& id, bool is_news);
  void add(Delivery& all, const Delivery& delivery);
  Result<void> visit(const ObjectId& id, const Waiting& waiting);
  Result<void> compare(const ObjectId& id, const CommitLinks& links, Commit* commit, Sets& sets,
                       std::vector<Sets>& of_parents);
  void settle(const TreeDifference& difference, const ObjectId& id, const Sets& sets,
              std::vector<Sets>& of_parents);
  Result<void> hand_over(const ObjectId& id, Commit&& commit);
  Result<CommitLinks> read_links(const ObjectId& id);
  template <class F>
  Result<void> read_commit(const ObjectId& id, F use);
  bool any_paths(const Sets& sets) const;
  bool matters(const Delivery& delivery) const;

  git_repository* repository_;
  git_odb* objects_ = nullptr;
  bool whole_repository_;
  const CutOff& cut_off_;
  PathSets* paths_;
  const History::Visitor& visitor_;
  TreeComparison trees_;
  std::optional<ObjectId> old_head_;
  std::unordered_map<ObjectId, Waiting, ObjectIdHash> waiting_;
  std::priority_queue<Turn> turns_;
  std::uint64_t turns_given_ = 0;
  std::size_t open_ = 0;  // of those waiting, that matter
  boost::unordered_flat_map<ObjectId, Seen, ObjectIdHash> seen_;
  History::Walked walked_;
};

}  // namespace forkdex
