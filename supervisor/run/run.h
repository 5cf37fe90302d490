#pragma once

// One run over one repository: claim, then phase after phase over one fleet, then the report. Owns
// the claim, the database connection and the fleet; terminal, signals, report file and exit status
// are its caller's. A process may hold several runs, each with a thread and an io_context of its
// own. They share the log and what libraries read of the environment, and one of them has memory
// groups (MemoryLimits::open).
//
// Killed at any point, it leaves finished files stored and nothing else behind: workers die with
// it, the claim ends with its connection, and the next run does what is missing.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "common/model/view_models.h"
#include "supervisor/database/access.h"
#include "supervisor/database/ledger.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/database_watch.h"
#include "supervisor/run/job_runner.h"
#include "supervisor/run/output/progress.h"
#include "supervisor/run/output/report.h"
#include "supervisor/run/phase.h"
#include "supervisor/run/phases/texts_phase.h"
#include "supervisor/run/plan.h"
#include "supervisor/run/repository_source.h"
#include "supervisor/run/scope.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// What a run uses of the process that it is in. All of it outlives the run.
struct RunEnvironment {
  /// The loop turns inside the run's functions, and nowhere else: not after the run is gone.
  boost::asio::io_context& context;
  MemoryLimits& memory;  ///< this run's alone
  /// Requests to stop so far, those included that the loop has not told of yet: asked where the run
  /// waits outside of it. THREAD any.
  std::function<int()> stops_seen = [] { return 0; };
  std::string database_password =
      {};  ///< for the workers; empty: the URL has it, or none is needed
  /// A person waits for the end: what may take minutes and can be done later is left.
  bool awaited = false;
};

/// What a run says at its start.
struct RunOpening {
  std::string repository;
  std::string root;
  std::string moved_from;  ///< the root of an earlier run, where it was another
  std::string database;    ///< for a person
  unsigned workers = 0;
  ViewModels models;
  bool embeds = true;  ///< false: files and words alone
};

class Run {
 public:
  /// Whom the run tells how it goes. Their errors are the run's.
  struct Events {
    /// A URL is about to be fetched, without its secrets.
    std::function<void(const std::string& url)> fetches;
    /// The claim is held; from now on there will be a report.
    std::function<Result<void>(const RunOpening&)> opened;
    /// The display of progress, which the run then owns; `accounting` outlives it.
    std::function<std::unique_ptr<Progress>(const Accounting& accounting)> progress;
    /// Everything is done but for the run's row; the report's list of problems is not read yet.
    std::function<Result<void>(const RunFacts&, const Accounting&)> ended;
    /// The whole report, for whoever keeps it.
    std::function<Result<void>(const TextPieces&)> report;
  };

  /// How a run ended that no error ended.
  struct End {
    bool interrupted = false;
    std::uint64_t not_indexed = 0;   ///< files that failed or are quarantined
    std::uint64_t not_embedded = 0;  ///< texts of chunks that failed or are refused
  };

  /// REQUIRES that `environment` outlives this.
  Run(const RunEnvironment& environment, const Settings& settings, std::filesystem::path path,
      Events events);

  /// Runs to the end. BLOCKS. ERRORS of radius run; files finished before such an error stay
  /// indexed, and `ended` and `report` have been called where the run had been opened.
  Result<End> run();

  /// The first request drains: workers finish what they have taken. The second one ends them, and
  /// the wait for a database that stands still. `why` is for the log. THREAD the run's, from the
  /// loop.
  void stop(const std::string& why);

 private:
  Result<void> open();
  Result<void> open_all();
  Result<void> open_database();
  RepositorySource::Events source_events();
  Result<void> claim();
  void choose_sizes();
  Result<void> begin();
  Result<void> work();
  bool changed() const;
  Result<void> run_phase(Phase& phase);
  Result<void> run_jobs_of(Phase& phase);
  Result<void> phases_of_workers();
  Result<void> finish();
  Result<void> count_texts_left();
  ProblemList list_problems();
  Result<void> report();

  bool stopped();
  void show();
  DatabaseWatch::Events database_events();
  /// See DatabaseWatch::insist.
  template <class F>
  auto insist(F operation) {
    return watch_->insist(std::move(operation), [this] { return stops_ == 0; });
  }
  TextScope text_scope() const;
  TextLimits text_limits() const;
  TextsPhase::Options texts() const;
  PlanRules plan_rules() const;
  WorkerSetup worker_setup() const;
  Fleet::Options fleet() const;

  const RunEnvironment& environment_;
  Settings settings_;
  Events events_;
  RunScope scope_;
  RepositorySource source_;
  RepositoryInfo repository_;
  ViewModels models_;
  std::string recipe_;
  unsigned workers_ = 0;
  std::uint64_t memory_per_worker_ = 0;
  std::optional<DatabaseAccess> database_;
  std::optional<Ledger> ledger_;
  Accounting accounting_;
  std::unique_ptr<Progress> progress_;
  std::optional<DatabaseWatch> watch_;
  std::optional<JobRunner> runner_;
  Phase* phase_ = nullptr;  // at work
  std::string shown_;       // of its progress
  bool files_done_ = false;
  RunFacts facts_;
  std::optional<Error> error_;
  int stops_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace forkdex
