// The table of a place's states, cell by cell, as supervisor/fleet/place.h draws it.

#include "supervisor/fleet/place.h"

#include <map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace forkdex;

namespace {

using enum PlaceState;
using Event = PlaceEvent;

// Every cell that leads somewhere; the others cannot happen.
const std::map<std::pair<PlaceState, Event>, PlaceState> kCells = {
    {{kEmpty, Event::kSpawned}, kStarting},
    {{kEmpty, Event::kDrain}, kEmpty},
    {{kEmpty, Event::kTimed}, kBackingOff},
    {{kEmpty, Event::kGiveUp}, kGivenUp},

    {{kStarting, Event::kReady}, PlaceState::kReady},
    {{kStarting, Event::kRecycle}, kRecycling},
    {{kStarting, Event::kDrain}, kEnding},
    {{kStarting, Event::kEnded}, kEmpty},

    {{PlaceState::kReady, Event::kReady}, PlaceState::kReady},
    {{PlaceState::kReady, Event::kRecycle}, kRecycling},
    {{PlaceState::kReady, Event::kDrain}, kEnding},
    {{PlaceState::kReady, Event::kEnded}, kEmpty},

    {{kRecycling, Event::kRecycle}, kRecycling},
    {{kRecycling, Event::kDrain}, kRecycling},
    {{kRecycling, Event::kEnded}, kEmpty},

    {{kEnding, Event::kRecycle}, kEnding},
    {{kEnding, Event::kDrain}, kEnding},
    {{kEnding, Event::kEnded}, kEmpty},

    {{kBackingOff, Event::kSpawned}, kStarting},
    {{kBackingOff, Event::kDrain}, kEmpty},
    {{kBackingOff, Event::kHold}, kAwaitingDatabase},

    {{kAwaitingDatabase, Event::kSpawned}, kStarting},
    {{kAwaitingDatabase, Event::kDrain}, kEmpty},

    {{kGivenUp, Event::kSpawned}, kRetrying},
    {{kGivenUp, Event::kDrain}, kGivenUp},
    {{kGivenUp, Event::kTimed}, kGivenUp},
    {{kGivenUp, Event::kGiveUp}, kGivenUp},

    {{kRetrying, Event::kReady}, PlaceState::kReady},
    {{kRetrying, Event::kRecycle}, kRecycling},
    {{kRetrying, Event::kDrain}, kRetrying},
    {{kRetrying, Event::kEnded}, kGivenUp},
};

}  // namespace

TEST_CASE("place: each event in each state -> the state that the table names, or none", "[fleet]") {
  for (std::size_t state = 0; state < kPlaceStates; ++state)
    for (std::size_t event = 0; event < kPlaceEvents; ++event) {
      CAPTURE(state, event);
      const auto from = static_cast<PlaceState>(state);
      const auto found = kCells.find({from, static_cast<Event>(event)});
      const auto next = next_state(from, static_cast<Event>(event));
      CHECK(next ==
            (found == kCells.end() ? std::nullopt : std::optional<PlaceState>(found->second)));
    }
}

TEST_CASE("place: a timed start -> a fresh worker is expected, until all are drained", "[fleet]") {
  boost::asio::io_context context;
  Place place;
  CHECK_FALSE(place.expects_fresh_worker());
  place.time_restart(context);
  CHECK(place.state() == kBackingOff);
  CHECK(place.expects_fresh_worker());
  place.on(Event::kHold);
  CHECK(place.expects_fresh_worker());
  place.drain(Place::Clock::now());
  CHECK(place.state() == kEmpty);
  CHECK_FALSE(place.expects_fresh_worker());
}

TEST_CASE("place: given up -> no fresh worker is expected, though a retry is timed", "[fleet]") {
  boost::asio::io_context context;
  Place place;
  place.on(Event::kGiveUp);
  CHECK(place.is_given_up());
  place.time_restart(context);
  CHECK(place.state() == kGivenUp);
  CHECK_FALSE(place.expects_fresh_worker());
}
