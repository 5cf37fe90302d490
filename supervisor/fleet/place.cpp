#include "supervisor/fleet/place.h"

#include <cassert>
#include <utility>

namespace forkdex {
namespace {

using enum PlaceState;
using Row = std::array<std::optional<PlaceState>, kPlaceEvents>;

constexpr std::nullopt_t kNever = std::nullopt;

// The table of place.h.
constexpr std::array<Row, kPlaceStates> kTable = {{
    {kStarting, kNever, kNever, kEmpty, kNever, kBackingOff, kNever, kGivenUp},
    {kNever, kReady, kRecycling, kEnding, kEmpty, kNever, kNever, kNever},
    {kNever, kReady, kRecycling, kEnding, kEmpty, kNever, kNever, kNever},
    {kNever, kNever, kRecycling, kRecycling, kEmpty, kNever, kNever, kNever},
    {kNever, kNever, kEnding, kEnding, kEmpty, kNever, kNever, kNever},
    {kStarting, kNever, kNever, kEmpty, kNever, kNever, kAwaitingDatabase, kNever},
    {kStarting, kNever, kNever, kEmpty, kNever, kNever, kNever, kNever},
    {kRetrying, kNever, kNever, kGivenUp, kNever, kGivenUp, kNever, kGivenUp},
    {kNever, kReady, kRecycling, kRetrying, kGivenUp, kNever, kNever, kNever},
}};

}  // namespace

std::optional<PlaceState> next_state(PlaceState state, PlaceEvent event) {
  return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

void Place::on(PlaceEvent event) {
  const std::optional<PlaceState> next = next_state(state_, event);
  assert(next);
  if (next) state_ = *next;
}

bool Place::expects_fresh_worker() const {
  switch (state_) {
    case kStarting:
    case kReady:
    case kEnding:
      return !was_offered();
    case kRecycling:
    case kBackingOff:
    case kAwaitingDatabase:
      return true;
    case kEmpty:
    case kGivenUp:
    case kRetrying:
      return false;
  }
  return false;
}

void Place::spawned(std::unique_ptr<WorkerProcess> worker, Clock::time_point now) {
  on(PlaceEvent::kSpawned);
  worker_ = std::move(worker);
  restart_.reset();
  load_ = 0;
  spawned_at_ = now;
  offered_at_.reset();
  asked_to_end_at_.reset();
}

void Place::ended() {
  on(PlaceEvent::kEnded);
  worker_.reset();
  load_ = 0;
}

void Place::recycle(Clock::time_point now) {
  on(PlaceEvent::kRecycle);
  ask_to_end(now);
}

void Place::drain(Clock::time_point now) {
  on(PlaceEvent::kDrain);
  restart_.reset();
  ask_to_end(now);
}

const std::shared_ptr<boost::asio::steady_timer>& Place::time_restart(
    boost::asio::io_context& context) {
  on(PlaceEvent::kTimed);
  restart_ = std::make_shared<boost::asio::steady_timer>(context);
  return restart_;
}

void Place::job_offered(Clock::time_point now) {
  ++load_;
  offered_at_ = now;
}

void Place::ask_to_end(Clock::time_point now) {
  if (!worker_) return;
  worker_->jobs().request_stop();
  if (!asked_to_end_at_) asked_to_end_at_ = now;
}

}  // namespace forkdex
