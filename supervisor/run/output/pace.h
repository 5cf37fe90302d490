#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "supervisor/run/accounting.h"

namespace forkdex {

/// How fast a run goes and when it will be through. Time is given, so that a test can give it.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pace(Clock::time_point start);

  /// Takes note of the counts at `now`.
  void sample(const Accounting& accounting, Clock::time_point now);

  /// Chunks a second over the last ten seconds, or since the start.
  double chunks_per_second() const;

  /// Time left, by bytes: files leave biggest first, so that a count of files would promise an end
  /// far too late. None before the first file is done and once nothing is left to read.
  std::optional<std::chrono::seconds> time_left() const;

 private:
  struct Sample {
    Clock::time_point when;
    std::uint64_t chunks;
  };
  std::deque<Sample> samples_;
  Clock::time_point start_;
  std::uint64_t expected_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
};

}  // namespace forkdex
