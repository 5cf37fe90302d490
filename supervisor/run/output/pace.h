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

  /// Texts, or while none is embedded chunks, a second over the last ten seconds, or since they
  /// began.
  double rate() const;

  /// Time left. Of files by bytes: they leave biggest first, so that a count of files would promise
  /// an end far too late; of texts by tokens, for the same reason. None before the first one is
  /// done and once nothing is left.
  std::optional<std::chrono::seconds> time_left() const;

 private:
  struct Sample {
    Clock::time_point when;
    std::uint64_t items;  // chunks, or texts
  };
  std::deque<Sample> samples_;
  Clock::time_point start_;
  bool counts_texts_ = false;
  std::uint64_t expected_ = 0;  // bytes, or tokens
  std::uint64_t done_ = 0;
};

}  // namespace forkdex
