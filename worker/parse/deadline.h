#pragma once

#include <chrono>
#include <string>

namespace forkdex {

/// The calling thread's processor time: a deadline on it means the same on a busy machine.
struct ThreadClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ThreadClock>;
  static constexpr bool is_steady = true;
  static time_point now();
};

/// How long something may take: of the thread's processor time, and of real time, for a machine so
/// busy that it gives the thread little of the first.
struct Deadline {
  std::chrono::milliseconds processor{10'000};
  std::chrono::milliseconds real{30'000};
};

/// A Deadline that has begun. One thread.
class Countdown {
 public:
  explicit Countdown(Deadline deadline);

  bool passed() const;
  /// The share of the time that is left, by the clock that has less; none below 0.
  double left() const;
  /// One over half of what is left of this.
  Countdown half() const;
  /// How long there was, by the clock that has passed: "10 s of processor time", "30 s".
  std::string text() const;

 private:
  bool processor_passed() const { return ThreadClock::now() >= processor_end_; }

  Deadline deadline_;
  ThreadClock::time_point processor_end_;
  std::chrono::steady_clock::time_point real_end_;
};

}  // namespace forkdex
