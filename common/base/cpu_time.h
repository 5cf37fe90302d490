#pragma once

#include <ctime>

#include <chrono>

namespace forkdex {

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
