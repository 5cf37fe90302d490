#pragma once

// The first phase of a run: the repository is listed, the listing merged with what is known of it
// (plan.h), and every file that its bytes may have changed becomes a job. The books, accounting and
// ledger, are the run's. One thread.
//
// Killed at any point, it leaves finished files stored; the next run plans the others again.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "supervisor/database/ledger.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/output/progress.h"
#include "supervisor/run/phase.h"
#include "supervisor/run/plan.h"
#include "supervisor/run/scope.h"

namespace forkdex {

class FilesPhase final : public Phase {
 public:
  /// What is listed, and where it is noted. All of it outlives the phase.
  struct Books {
    const RepositoryInfo& repository;
    RunScope& scope;
    Ledger& ledger;
    Accounting& accounting;
    Progress& progress;
  };

  /// `rules` but for listed_at_ns and in_scope, which the phase adds.
  FilesPhase(const Books& books, PlanRules rules)
      : books_(books), rules_(std::move(rules)), recipe_(rules_.recipe) {}

  std::string progress() const override { return planned_ ? "" : "scan"; }
  Result<JobQueue> next_jobs() override;
  Result<void> finished(unsigned worker, const Job& job, const Outcome& outcome) override;
  Result<void> tick() override { return books_.ledger.flush_when_due(); }
  void contribute(RunFacts& facts) const override;

 private:
  Result<void> plan(KnownFiles& known);
  void decided(Decided&& file);
  std::uint64_t limit_behind(std::string_view reason) const;
  void warn_of_nothing() const;
  void warn_of_unmet() const;

  Books books_;
  PlanRules rules_;
  std::string recipe_;
  bool planned_ = false;
  JobQueue jobs_;
  std::optional<Error> error_;  // of noting what the plan decided
  double scan_seconds_ = 0;
  std::optional<std::chrono::steady_clock::time_point> handed_out_at_;
  double files_seconds_ = 0;
};

}  // namespace forkdex
