#pragma once

// Places for workers: each holds an incarnation, or waits for its next one. The pool starts them,
// collects what they finish, ends those in which nothing moves, replaces those that die and hands
// back the jobs that a dead one held, with who is to blame. Which job goes where is the
// dispatcher's business.
//
// Runs on the io_context's one thread. Destroying the pool kills and reaps every worker.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "supervisor/fleet/blame.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/fleet/place.h"
#include "supervisor/fleet/restart_policy.h"
#include "supervisor/fleet/worker_process.h"

namespace forkdex {

class WorkerPool {
 public:
  /// Called on the io_context's thread. `worker` is a place, 0-based.
  struct Events {
    std::function<void(unsigned worker)> has_room;
    std::function<void(unsigned worker, Outcome)> outcome;
    std::function<void(unsigned worker, const std::vector<JobSender::Held>&, const Blame&)>
        orphaned;
    /// A worker lost the database. Says whether it is away for everybody; then pause() was called.
    std::function<bool(const Error&)> database_lost;
    /// The run cannot go on; the pool starts no more workers. Comes at most once.
    std::function<void(Error)> failed;
    /// The last worker of a draining pool is gone.
    std::function<void()> drained;
  };

  struct Counts {
    unsigned places = 0;  ///< that had a worker at work, or at least were not given up
    std::uint64_t started = 0;
    std::uint64_t crashed = 0;  ///< ended without having been asked to, otherwise than below
    std::uint64_t out_of_memory = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t recycled = 0;  ///< ended between jobs because we asked
    std::chrono::nanoseconds idle{0};
    std::uint64_t peak_pss_bytes = 0;  ///< of the sum over living workers
  };

  struct Deadlines {
    /// How long a job may stay in one stage without moving, and a worker between two jobs.
    std::chrono::seconds job{60};
    /// How long a worker may take to become ready.
    std::chrono::seconds start{60};
  };

  /// What workers are started from.
  struct Options {
    std::filesystem::path executable;
    WorkerSetup setup = {};
    Deadlines deadlines = {};
    RestartPolicy policy = {};
    MemoryLimits* memory = nullptr;     ///< none: no limits; else outlives the pool
    ForkServer* fork_server = nullptr;  ///< none: every worker is started afresh; else outlives it
  };

  WorkerPool(boost::asio::io_context& context, Options options, Events events);
  ~WorkerPool();

  /// Makes places until there are `places`, and starts a worker in each new one, and in those whose
  /// worker died while the pool rested. Deaths are counted anew. Nothing once the pool drains.
  void employ(unsigned places);
  /// Workers that start from now on open the models or do not, and are cloned by `fork_server`;
  /// the workers of before end, and are replaced at the next employ(). REQUIRES that the pool is at
  /// rest, or has no place yet.
  void equip(bool embeds, ForkServer* fork_server);
  /// Nothing is to be done until employ(): workers stay, but one that dies is neither counted nor
  /// replaced before, and their waiting is not idleness.
  void rest();
  /// Lets every worker finish what it has taken, and starts no other. `drained` follows.
  void drain();
  /// Starts no worker until resume(); those that live go on.
  void pause() { paused_ = true; }
  /// Starts workers again, in the places that lack one. `database_url` may be another than before.
  void resume(const std::string& database_url);
  /// Kills every worker at once. `drained` follows.
  void kill(const std::string& reason);

  unsigned places() const { return static_cast<unsigned>(places_.size()); }
  /// The worker at a place, if one is there and ready for jobs.
  WorkerProcess* ready(unsigned worker);
  /// Jobs a place holds.
  std::size_t load(unsigned worker) const;
  /// Whether the worker at a place is ready and has held no job yet.
  bool fresh(unsigned worker);
  /// Whether a fresh worker is at some place, or on its way there.
  bool fresh_expected();
  /// Replaces the worker at a place once it has finished what it has taken; what it has not taken
  /// comes back by `orphaned`.
  void recycle(unsigned worker);
  /// Notes that a job was quarantined.
  void job_quarantined();
  /// Notes a job handed to the worker at a place.
  bool offer(unsigned worker, const Job& job);
  /// The job that the worker at a place is busy with.
  std::optional<std::uint64_t> active(unsigned worker) const;
  Counts counts() const;

 private:
  void spawn(unsigned worker);
  void collect(unsigned worker);
  void ended(unsigned worker, const ExitCause& cause);
  ExitCause told_apart(unsigned worker, const ExitCause& cause);
  void count(const ExitCause& cause, const Blame& blame);
  void replace(unsigned worker, const std::optional<Error>& failure, const Blame& blame,
               bool was_recycled);
  void respawn(unsigned worker, RestartPolicy::Clock::duration delay);
  bool cannot_start(const std::optional<Error>& failure, const Blame& blame) const;
  bool is_final(const Error& failure) const;
  bool too_many_for_memory(const ExitCause& cause) const;
  void restart_due(unsigned worker);
  void leave_empty(unsigned worker, const std::string& reason);
  void offer_room();
  bool give_up_place(unsigned worker, const Error& failure);
  void fail(Error error);
  void report_if_drained();
  void end_rest();
  void warn_of_gaps(const std::string& gaps);
  void warn_if_unconfined(unsigned worker);
  void watch();
  void sample_memory();
  void check_memory(unsigned worker);
  void check_deadline(const Place& place, RestartPolicy::Clock::time_point now) const;

  boost::asio::io_context& context_;
  Options options_;
  Events events_;
  std::vector<Place> places_;
  Counts counts_;
  std::shared_ptr<boost::asio::steady_timer> watching_;  // see call_after
  RestartPolicy::Clock::time_point counters_aged_at_{};
  RestartPolicy policy_;
  std::optional<RestartPolicy::Clock::time_point> resting_since_;
  bool ever_ready_ = false;
  bool draining_ = false;
  bool paused_ = false;
  bool warned_of_gaps_ = false;
  bool warned_of_unconfined_ = false;
  bool failed_ = false;
  bool drained_reported_ = false;
};

}  // namespace forkdex
