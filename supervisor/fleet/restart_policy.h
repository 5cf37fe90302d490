#pragma once

// When a dead worker is replaced, and when the run gives up. Pure: the clock is an argument.

#include <chrono>
#include <optional>

#include "supervisor/fleet/exit_cause.h"

namespace forkdex {

class RestartPolicy {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    /// Deaths by their own doing (an error status, a fault signal) with no file finished between.
    int faults = 5;
    /// Deaths by a SIGKILL from elsewhere with no file finished between. Somebody may kill workers
    /// at any moment, any number of times; nobody gets further than this without one file done.
    int kills = 100;
    Clock::duration first_delay = std::chrono::milliseconds(50);
    Clock::duration longest_delay = std::chrono::seconds(5);
  };

  RestartPolicy() = default;
  explicit RestartPolicy(Limits limits) : limits_(limits) {}

  /// A file finished: the fleet makes progress, counting starts anew.
  void file_finished();

  /// A worker died. Gives the delay before its replacement starts, or nothing when the fleet has
  /// reached its restart intensity and the run is to end. The delay doubles with every death by a
  /// fault; a kill from elsewhere is replaced at once as long as files finish in between.
  std::optional<Clock::duration> worker_died(const ExitCause& cause);

 private:
  Limits limits_{};
  int faults_ = 0;
  int kills_ = 0;
};

}  // namespace forkdex
