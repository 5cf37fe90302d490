#pragma once

// What clocks say, in the units that rows, reports and times of stages have.

#include <ctime>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace forkdex {

/// Wall clock, nanoseconds since 1970, as file systems count.
inline std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// `time`, of a file, in nanoseconds since 1970. A file may be dated further from now than 64 bits
/// hold: its seconds are then those of the nearest time that they do hold, in 1677 or 2262.
constexpr std::int64_t nanoseconds_of(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  const std::int64_t seconds = std::clamp<std::int64_t>(time.tv_sec, -kMostSeconds, kMostSeconds);
  return seconds * kSecond + time.tv_nsec;
}

/// `time` in seconds.
constexpr double to_seconds(std::chrono::duration<double> time) { return time.count(); }

/// Seconds from `start` to now.
inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return to_seconds(std::chrono::steady_clock::now() - start);
}

/// CPU time of the calling thread since it started.
inline std::chrono::nanoseconds thread_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Adds the CPU time this thread spends in a scope to `total`.
class CpuTimer {
 public:
  explicit CpuTimer(std::chrono::nanoseconds& total) : total_(total), start_(thread_cpu_time()) {}
  CpuTimer(const CpuTimer&) = delete;
  CpuTimer& operator=(const CpuTimer&) = delete;
  ~CpuTimer() { total_ += thread_cpu_time() - start_; }

 private:
  std::chrono::nanoseconds& total_;
  std::chrono::nanoseconds start_;
};

}  // namespace forkdex
