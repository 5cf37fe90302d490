#pragma once

// One run of `supervisor index`: scan, plan, dispatch, account, report. Owns everything the run
// holds: the claim on the repository, the fleet, the embedded server. One thread, one event loop.
//
// Killed at any point, it leaves finished files stored and nothing else behind: workers die with
// it, the claim ends with its connection, and the next run does what is missing.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/model/view_models.h"
#include "supervisor/database/access.h"
#include "supervisor/database/ledger.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/database_watch.h"
#include "supervisor/run/output/progress.h"
#include "supervisor/run/output/report.h"
#include "supervisor/run/phases/commit_phase.h"
#include "supervisor/run/phases/file_phase.h"
#include "supervisor/run/plan.h"
#include "supervisor/run/repository_source.h"
#include "supervisor/run/scope.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// How a run ended: with a status, or by a signal that the caller dies of after cleaning up.
struct RunEnd {
  int exit_status = kExitOk;
  int signal = 0;
};

class IndexRun {
 public:
  IndexRun(const Settings& settings, std::filesystem::path path)
      : settings_(settings), source_(std::move(path), settings_, source_events()) {}

  /// Runs to the end, prints summary and report. ERRORS of radius run; files finished before such
  /// an error stay indexed, and summary and report have been written where the run had begun.
  Result<RunEnd> run();

 private:
  Result<void> open();
  Result<void> open_all();
  RepositorySource::Events source_events();
  Result<void> claim();
  void choose_sizes();
  Result<void> plan();
  Result<void> work();
  Result<void> run_workers(JobQueue jobs);
  Result<void> collect_commits();
  Result<void> embed_messages();
  Result<std::optional<double>> build_vector_indexes();
  Result<void> collect_vectors();
  Result<void> finish();
  ProblemList list_problems();
  Result<void> report();
  void print(const std::string& text);

  void warn_of_nothing() const;
  void warn_of_unmet() const;
  void decided(Decided&& file);
  void await_signal();
  void poll_signals();
  void interrupted(int signal);
  void phase(std::string_view name);
  DatabaseWatch::Events database_events();
  /// See DatabaseWatch::insist.
  template <class F>
  auto insist(F operation) {
    return watch_->insist(std::move(operation), [this] { return signal_ == 0; });
  }
  WorkerSetup worker_setup() const;

  Settings settings_;
  RunScope scope_;
  RepositorySource source_;
  RepositoryInfo repository_;
  ViewModels models_;
  std::string recipe_;
  unsigned workers_ = 0;
  std::uint64_t memory_per_worker_ = 0;
  std::optional<MemoryLimits> memory_;
  std::optional<DatabaseAccess> database_;
  std::optional<Ledger> ledger_;

  boost::asio::io_context context_;
  boost::asio::signal_set signals_{context_};
  JobQueue jobs_;
  Accounting accounting_;
  std::unique_ptr<Progress> progress_;
  std::string_view phase_;
  std::optional<DatabaseWatch> watch_;
  std::unique_ptr<FilePhase> files_;
  std::optional<CommitPhase> commits_;
  RunFacts facts_;
  std::optional<Error> error_;
  int signal_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace forkdex
