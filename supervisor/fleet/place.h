#pragma once

// One place of a worker pool: the incarnation that is in it, or why there is none. A place has one
// state, and one table says which event leads where; what an event means for the run is the pool's
// business.
//
// clang-format off
//               spawned    ready  recycle    drain      ended     timed        hold      give up
//   empty       starting   -      -          empty      -         backing off  -         given up
//   starting    -          ready  recycling  ending     empty     -            -         -
//   ready       -          ready  recycling  ending     empty     -            -         -
//   recycling   -          -      recycling  recycling  empty     -            -         -
//   ending      -          -      ending     ending     empty     -            -         -
//   backing off starting   -      -          empty      -         -            awaiting  -
//   awaiting    starting   -      -          empty      -         -            -         -
//   given up    retrying   -      -          given up   -         given up     -         given up
//   retrying    -          ready  recycling  retrying   given up  -            -         -
// clang-format on
//
// Owns the worker and the timer of its restart. One thread. Destroyed, it kills and reaps the
// worker.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <boost/asio/steady_timer.hpp>

#include "supervisor/fleet/worker_process.h"

namespace forkdex {

enum class PlaceState : std::uint8_t {
  kEmpty,             ///< no worker, and none on its way
  kStarting,          ///< a worker that is not ready yet
  kReady,             ///< a worker that takes jobs
  kRecycling,         ///< it was asked to end, for another one to follow
  kEnding,            ///< it was asked to end, for none to follow
  kBackingOff,        ///< a worker follows once a delay is over
  kAwaitingDatabase,  ///< a worker follows once the database is back, or the pool's rest over
  kGivenUp,           ///< one worker fewer; a retry may be timed
  kRetrying,          ///< a worker that may prove the place good again
};
inline constexpr std::size_t kPlaceStates = 9;

enum class PlaceEvent : std::uint8_t {
  kSpawned,  ///< a worker was started
  kReady,    ///< it takes jobs
  kRecycle,  ///< it is asked to end, for another one to follow
  kDrain,    ///< all are asked to end, and none follows
  kEnded,    ///< its process was reaped
  kTimed,    ///< the next worker's start is set
  kHold,     ///< that start is due, and the database is away or the pool rests
  kGiveUp,   ///< the place does without a worker
};
inline constexpr std::size_t kPlaceEvents = 8;

/// The state that `event` leads to; nothing where it cannot happen.
std::optional<PlaceState> next_state(PlaceState state, PlaceEvent event);

class Place {
 public:
  using Clock = std::chrono::steady_clock;

  PlaceState state() const { return state_; }
  /// Moves along the table. REQUIRES an event that can happen.
  void on(PlaceEvent event);

  /// The worker that is here, whatever it does; null where there is none.
  WorkerProcess* worker() const { return worker_.get(); }
  /// Whether the place counts among those that do without a worker, or may have to.
  bool is_given_up() const {
    return state_ == PlaceState::kGivenUp || state_ == PlaceState::kRetrying;
  }
  /// Whether a worker that has had no job is here, or on its way here.
  bool expects_fresh_worker() const;

  /// A worker was started at `now`.
  void spawned(std::unique_ptr<WorkerProcess> worker, Clock::time_point now);
  /// The worker's end was handled: lets go of it.
  void ended();
  /// Asks the worker to end once it has finished what it has taken.
  void recycle(Clock::time_point now);
  /// The same, with no other to follow; takes back a start that is timed.
  void drain(Clock::time_point now);
  /// The timer of the next worker's start, made anew. See call_after.
  const std::shared_ptr<boost::asio::steady_timer>& time_restart(boost::asio::io_context& context);

  void job_offered(Clock::time_point now);
  void job_finished() { --load_; }
  /// Jobs that the worker holds.
  std::size_t load() const { return load_; }
  /// Whether the worker has ever had a job.
  bool was_offered() const { return offered_at_.has_value(); }

  Clock::time_point spawned_at() const { return spawned_at_; }
  /// When it last got a job; the epoch before the first.
  Clock::time_point offered_at() const { return offered_at_.value_or(Clock::time_point()); }
  std::optional<Clock::time_point> asked_to_end_at() const { return asked_to_end_at_; }

 private:
  void ask_to_end(Clock::time_point now);

  PlaceState state_ = PlaceState::kEmpty;
  std::unique_ptr<WorkerProcess> worker_;
  std::shared_ptr<boost::asio::steady_timer> restart_;  // dropped, its handler is not called
  std::size_t load_ = 0;
  Clock::time_point spawned_at_{};
  std::optional<Clock::time_point> offered_at_;
  std::optional<Clock::time_point> asked_to_end_at_;
};

}  // namespace forkdex
