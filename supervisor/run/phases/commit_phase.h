#pragma once

// The phase of a run in which the history is walked as far as it is new, and commits and last
// commits are stored. It needs no worker; messages are embedded with all other texts
// (texts_phase.h). One thread.
//
// Killed at any point, it leaves commits without last commits: the next run walks the same part of
// the history again.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/commit_rows.h"
#include "supervisor/repository/history/history.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class CommitPhase final : public Phase {
 public:
  struct Options {
    RepositoryInfo repository;
    std::int64_t repository_id = 0;
    bool full = false;  ///< walk the whole history, whatever is stored
    /// Asked at every commit; false ends the walk, with nothing but commits stored.
    std::function<bool()> keep_going;
  };

  /// REQUIRES that `connection` outlives this.
  CommitPhase(PgConnection& connection, Options options);

  std::string progress() const override { return "commits"; }
  /// Brings commits and last commits to the state of the repository; a history that cannot be read
  /// is warned of and leaves everything as it is. BLOCKS until it is done. ERRORS as
  /// PgConnection::run.
  Result<JobQueue> next_jobs() override;
  Result<void> finished(unsigned, const Job&, const Outcome&) override { return {}; }
  void contribute(RunFacts& facts) const override;

 private:
  /// The commits that are stored, and which of them the head reaches.
  struct Stored {
    std::vector<ObjectId> ids;
    std::vector<bool> reached;
    void mark(const ObjectId& id);
    std::vector<ObjectId> gone() const;
  };

  Result<void> walk();
  Result<bool> walk_once();
  Result<bool> walk_history(History& history, const WalkedHistory& before, const ObjectId& head);
  Result<std::vector<ObjectId>> sweep(History& history, const ObjectId& head);
  std::optional<ObjectId> old_head(const History& history, const WalkedHistory& before) const;
  Options options_;
  CommitRows rows_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool walked_ = false;
};

}  // namespace forkdex
