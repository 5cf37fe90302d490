#pragma once

// When a dead worker is replaced, and when the run gives up. Pure: the clock is an argument.

#include <chrono>
#include <deque>
#include <optional>

namespace forkdex {

/// What kind of death it was.
enum class Death {
  kBlamed,     ///< a job is suspected: at the third time it is quarantined, so this has an end
  kFault,      ///< by the worker's own doing, and no job can have caused it
  kElsewhere,  ///< a kill that neither we nor the kernel sent, a connection that was lost
};

class RestartPolicy {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    /// Faults within `window` and with no job finished in between; one more ends the run.
    int faults = 5;
    Clock::duration window = std::chrono::minutes(1);
    /// Deaths from elsewhere with no job finished in between. Somebody may kill workers at any
    /// moment, any number of times; nobody gets further than this without one job done.
    int elsewhere = 100;
    /// Jobs quarantined one after the other with none finished in between. More is no matter of
    /// single jobs: a limit too low for any of them, a broken library.
    int quarantined = 100;
    Clock::duration first_delay = std::chrono::milliseconds(50);
    Clock::duration longest_delay = std::chrono::seconds(5);
  };

  RestartPolicy() = default;
  explicit RestartPolicy(Limits limits) : limits_(limits) {}

  /// A job finished: the fleet makes progress, counting starts anew.
  void job_finished();
  /// A job was quarantined. False when the run is to end.
  bool job_quarantined();

  /// A worker died. Gives the delay before its replacement starts, or nothing when the fleet has
  /// reached its restart intensity and the run is to end. The delay doubles with every fault, until
  /// a window has passed without one; the first death from elsewhere, and every death that accuses
  /// a job, is replaced at once.
  std::optional<Clock::duration> worker_died(Death death, Clock::time_point now);

 private:
  Clock::duration delay(int deaths) const;

  Limits limits_{};
  std::deque<Clock::time_point> faults_;
  int elsewhere_ = 0;
  int quarantined_ = 0;
};

}  // namespace forkdex
