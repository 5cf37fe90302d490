#pragma once

// The phase of a run in which workers are at work: jobs go out, outcomes come in and are accounted
// for, workers that die are replaced. Owns the fleet while it lasts; the books (accounting, ledger)
// are the run's.
//
// Runs the io_context's loop on the one thread. Destroyed, it kills and reaps every worker.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "supervisor/database/ledger.h"
#include "supervisor/fleet/fork_server.h"
#include "supervisor/fleet/worker_pool.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/database_watch.h"
#include "supervisor/run/dispatcher.h"
#include "supervisor/run/output/progress.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

class FilePhase {
 public:
  /// What the phase works on and with. All of it outlives the phase.
  struct Run {
    boost::asio::io_context& context;
    const Settings& settings;
    Ledger& ledger;
    DatabaseWatch& watch;
    Accounting& accounting;
    Progress& progress;
    MemoryLimits& memory;
    /// Gets what became of jobs that are no files, which are in nobody's books.
    std::function<void(const Job&, const Outcome&)> messages_finished;
  };

  /// At most `workers` workers of `memory_per_worker` bytes each, set up as `setup` says, do
  /// `jobs`. REQUIRES setup.indexing.
  FilePhase(const Run& run, WorkerSetup setup, JobQueue jobs, unsigned workers,
            std::uint64_t memory_per_worker);

  /// Runs until every job is finished, or the phase was drained and its workers are gone. ERRORS of
  /// radius run.
  Result<void> run();

  /// Workers finish what they have taken, and get no more.
  void drain();
  /// Ends every worker at once; what they had in hand stays unfinished.
  void kill();
  /// Drains because of `error`, which run() will return unless there was one before.
  void fail(Error error);
  /// Starts no worker until resume(): the database is away.
  void pause();
  /// The database is back; workers reach it by `database_url`.
  void resume(const std::string& database_url);

  WorkerPool::Counts counts() const { return pool_.counts(); }

 private:
  WorkerPool::Events pool_events();
  void orphaned(unsigned worker, const std::vector<JobSender::Held>& held, const Blame& blame);
  void finished(unsigned worker, const Job& job, const Outcome& outcome);
  void fill(unsigned worker);
  void note(FileRecord record);
  std::uint64_t limit_behind(std::string_view reason) const;
  void tick();
  void flush_when_due();

  Run run_;
  unsigned places_;
  std::uint64_t memory_per_worker_;
  std::string recipe_;
  Dispatcher dispatcher_;
  std::unique_ptr<ForkServer> fork_server_;
  WorkerPool pool_;
  std::shared_ptr<boost::asio::steady_timer> ticking_;  // see call_after
  bool stopping_ = false;
  std::optional<Error> error_;
};

}  // namespace forkdex
