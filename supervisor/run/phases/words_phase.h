#pragma once

// The phase of a run that follows the files: where many chunks are new, workers make segments of
// the word index of them (worker/jobs/merge_words.h). What is in no segment yet is found all the
// same, only slower. One thread.
//
// Killed at any point, it leaves segments that are whole; the next run makes the others.

#include <chrono>
#include <cstdint>
#include <string>

#include "common/pg/connection.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class WordsPhase final : public Phase {
 public:
  struct Options {
    std::int64_t repository_id = 0;
    bool changed = true;  ///< a run that changed nothing looks for new chunks alone
  };

  /// The CPU time of jobs goes to `accounting`. REQUIRES that the references outlive this.
  WordsPhase(PgConnection& connection, Accounting& accounting, Options options)
      : connection_(connection), accounting_(accounting), options_(options) {}

  std::string progress() const override { return "word index"; }
  /// What cannot be planned is warned of. ERRORS that say that the database is away.
  Result<JobQueue> next_jobs() override;
  /// A segment that could not be made is warned of: its words are found without it.
  Result<void> finished(unsigned worker, const Job& job, const Outcome& outcome) override;
  void contribute(RunFacts& facts) const override;

 private:
  Result<JobQueue> lock_and_plan();
  Result<JobQueue> plan();

  PgConnection& connection_;
  Accounting& accounting_;
  Options options_;
  bool planned_ = false;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace forkdex
