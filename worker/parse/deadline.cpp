#include "worker/parse/deadline.h"

#include <fmt/format.h>

#include "common/base/clock.h"

namespace forkdex {
namespace {

std::string text_of(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", to_seconds(time));
}

}  // namespace

ThreadClock::time_point ThreadClock::now() { return time_point(thread_cpu_time()); }

Countdown::Countdown(Deadline deadline)
    : deadline_(deadline),
      processor_end_(ThreadClock::now() + deadline.processor),
      real_end_(std::chrono::steady_clock::now() + deadline.real) {}

bool Countdown::passed() const {
  return processor_passed() || std::chrono::steady_clock::now() >= real_end_;
}

std::string Countdown::text() const {
  if (processor_passed()) return text_of(deadline_.processor) + " of processor time";
  return text_of(deadline_.real);
}

}  // namespace forkdex
