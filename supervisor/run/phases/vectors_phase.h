#pragma once

// The last phase of a run, which needs no worker: unneeded vectors are deleted, and the run's
// models get their indexes where these pay, unless a person waits for the run. One thread.
//
// Killed at any point, it leaves vectors that another run deletes, and the index or none.

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/pg/connection.h"
#include "supervisor/database/ledger.h"
#include "supervisor/database/vector_index.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class VectorsPhase final : public Phase {
 public:
  struct Options {
    std::set<std::int64_t> models;  ///< whose indexes it sees to; none: leaves them
    bool build = true;              ///< false: says what has no index, and leaves it
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
  Result<void> collect();
  Result<void> see_to_indexes();
  Result<void> build(const std::vector<UnindexedModel>& models);

  Ledger& ledger_;
  PgConnection& connection_;
  Options options_;
  bool collected_ = false;
  bool unindexed_ = false;  ///< a model has vectors enough for an index, and none
  double seconds_ = 0;
};

}  // namespace forkdex
