#include "worker/parse/deadline.h"

#include <time.h>

#include <fmt/format.h>

namespace forkdex {
namespace {

std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

ThreadClock::time_point ThreadClock::now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Countdown::Countdown(Deadline deadline)
    : deadline_(deadline),
      processor_end_(ThreadClock::now() + deadline.processor),
      real_end_(std::chrono::steady_clock::now() + deadline.real) {}

bool Countdown::passed() const {
  return processor_passed() || std::chrono::steady_clock::now() >= real_end_;
}

std::string Countdown::text() const {
  if (processor_passed()) return seconds(deadline_.processor) + " of processor time";
  return seconds(deadline_.real);
}

}  // namespace forkdex
