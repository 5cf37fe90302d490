#pragma once

// The last phase of a run, which needs no worker: vector indexes are built where they pay,
// unless a person waits for the run, and unneeded vectors are deleted. One thread.
//
// Killed at any point, it leaves the index or none, and vectors that another run deletes.

#include <chrono>
#include <functional>
#include <string>

#include "common/pg/connection.h"
#include "supervisor/database/ledger.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class VectorsPhase final : public Phase {
 public:
  struct Options {
    bool build = true;  ///< false: says what has no index, and leaves it
    std::chrono::days keep_vectors{0};
    bool changed = true;  ///< a run that changed nothing leaves collecting to another
    /// Asked while the server builds; false ends that, and the phase.
    std::function<bool()> keep_going;
  };

  /// REQUIRES that the references outlive this.
  VectorsPhase(Ledger& ledger, PgConnection& connection, Options options)
      : ledger_(ledger), connection_(connection), options_(std::move(options)) {}

  std::string progress() const override { return "index build"; }
  Result<JobQueue> next_jobs() override;
  Result<void> finished(unsigned, const Job&, const Outcome&) override { return {}; }
  void contribute(RunFacts& facts) const override {
    facts.seconds.index_build = seconds_;
    facts.texts.unindexed = unindexed_;
  }

 private:
  Result<void> build();

  Ledger& ledger_;
  PgConnection& connection_;
  Options options_;
  bool built_ = false;
  bool unindexed_ = false;  ///< a model has vectors enough for an index, and none
  double seconds_ = 0;
};

}  // namespace forkdex
