#pragma once

// Has the jobs of one phase after the other done by one fleet: jobs go out, outcomes come in,
// workers that die are replaced, and a database that goes away is waited for. What jobs are about
// is the phase's business.
//
// Runs the io_context's loop on the one thread. Destroyed, it kills and reaps every worker.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "supervisor/fleet/fleet.h"
#include "supervisor/run/database_watch.h"
#include "supervisor/run/dispatcher.h"
#include "supervisor/run/output/progress.h"
#include "supervisor/run/phase.h"

namespace forkdex {

class JobRunner {
 public:
  /// All of it outlives the runner.
  struct Environment {
    boost::asio::io_context& context;
    DatabaseWatch& watch;
    Progress& progress;
  };

  /// A worker holds at most `in_flight` jobs. `moved` is called when a phase has noted one.
  JobRunner(const Environment& environment, Fleet::Options fleet, std::size_t in_flight,
            std::function<void()> moved);

  /// Runs until `jobs` are finished, or the fleet was drained and its workers are gone. Workers
  /// stay for the next call. ERRORS of radius run; after one every call gives it.
  Result<void> run(JobQueue jobs, Phase& phase);
  /// Ends the workers, for good. BLOCKS until they are gone. ERRORS as run.
  Result<void> end();

  /// Workers finish what they have taken, and get no more.
  void drain() { fleet_.drain(); }
  /// Ends every worker at once; what they had in hand stays unfinished.
  void kill() { fleet_.kill("interrupted twice"); }
  /// Drains because of `error`, which run() will return unless there was one before.
  void fail(Error error);
  /// Starts no worker until resume(): the database is away.
  void pause() { fleet_.pool().pause(); }
  /// The database is back; workers reach it by `database_url`.
  void resume(const std::string& database_url) { fleet_.pool().resume(database_url); }

  /// What run() and end() will give.
  const std::optional<Error>& error() const { return error_; }
  WorkerPool::Counts counts() const { return fleet_.pool().counts(); }

 private:
  WorkerPool::Events pool_events();
  void finished(unsigned worker, const Job& job, const Outcome& outcome);
  void orphaned(unsigned worker, const std::vector<JobSender::Held>& held, const Blame& blame);
  void fill(unsigned worker);
  void fill_all();
  void leave_if_done();
  void note(const Result<void>& noted);
  void tick();

  Environment environment_;
  std::size_t in_flight_;
  std::function<void()> moved_;
  Fleet fleet_;
  Phase* phase_ = nullptr;                              // none between two calls of run()
  std::optional<Dispatcher> dispatcher_;                // there while phase_ is
  std::shared_ptr<boost::asio::steady_timer> ticking_;  // see call_after
  bool drained_ = false;
  std::optional<Error> error_;
};

}  // namespace forkdex
