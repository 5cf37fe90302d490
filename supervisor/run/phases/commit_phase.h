#pragma once

// The phase of a run that follows the files: the history is walked as far as it is new, commits and
// last commits are stored, and jobs are made of the messages that have no vector yet
// (worker/jobs/embed_messages.h). One thread.
//
// Killed at any point, it leaves commits without last commits, or messages without vectors: the
// next run walks the same part of the history again and embeds what is missing.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/base/shard.h"
#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/commit_rows.h"
#include "supervisor/repository/history/history.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class CommitPhase final : public Phase {
 public:
  struct Options {
    RepositoryInfo repository;
    std::int64_t repository_id = 0;
    std::int64_t model_id = 0;  ///< of the model that embeds messages; 0: none does
    bool full = false;          ///< walk the whole history, whatever is stored
    bool retry_failed = false;  ///< embed what was refused before
    /// Embed the messages of this shard only; others see to theirs.
    std::optional<Shard> shard = std::nullopt;
    /// Asked at every commit; false ends the walk, with nothing but commits stored.
    std::function<bool()> keep_going;
  };

  /// The CPU time of jobs goes to `accounting`. REQUIRES that the references outlive this.
  CommitPhase(PgConnection& connection, Accounting& accounting, Options options);

  /// How far the messages are.
  std::string progress() const override;

  /// The first time brings commits and last commits to the state of the repository; a history that
  /// cannot be read is warned of and leaves everything as it is. Then jobs for messages without a
  /// vector. A job that did not succeed comes back message by message, so that one message costs
  /// one message. ERRORS as PgConnection::run, JobQueue::add.
  Result<JobQueue> next_jobs() override;
  Result<void> finished(unsigned worker, const Job& job, const Outcome& outcome) override;
  void contribute(RunFacts& facts) const override;

 private:
  struct Counts {
    std::uint64_t embedded = 0;  ///< messages
    std::uint64_t reused = 0;    ///< messages whose vector somebody stored meanwhile
    std::uint64_t failed = 0;    ///< messages, to be tried again by the next run
    std::uint64_t refused = 0;   ///< messages that ended one worker after the other
  };
  struct Refusal {
    Sha256 hash;
    std::string reason;
    std::string detail;
  };
  /// The commits that are stored, and which of them the head reaches.
  struct Stored {
    std::vector<ObjectId> ids;
    std::vector<bool> reached;
    void mark(const ObjectId& id);
    std::vector<ObjectId> gone() const;
  };

  Result<void> walk();
  Result<bool> walk_once();
  Result<JobQueue> jobs_of_messages();
  Result<bool> walk_history(History& history, const WalkedHistory& before, const ObjectId& head);
  Result<std::vector<ObjectId>> sweep(History& history, const ObjectId& head);
  std::optional<ObjectId> old_head(const History& history, const WalkedHistory& before) const;
  Result<JobQueue> jobs_of_round();
  Result<std::vector<Sha256>> messages_of_round();
  Result<void> end_embedding();
  Result<void> write_refusals();
  Job job_of(std::vector<Sha256> messages);

  Accounting& accounting_;
  Options options_;
  CommitRows rows_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool walked_ = false;
  Counts counts_;
  std::uint64_t jobs_made_ = 0;
  std::uint64_t messages_found_ = 0;  // without a vector, so far
  bool begun_ = false;                // to look for messages
  std::optional<Sha256> last_;        // of the messages looked at
  std::vector<Sha256> suspects_;      // of quarantined jobs
  std::vector<Refusal> refusals_;     // not written yet
};

}  // namespace forkdex
