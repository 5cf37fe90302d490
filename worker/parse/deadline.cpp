#include "worker/parse/deadline.h"

#include <algorithm>

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

double Countdown::left() const {
  const auto share = [](auto left, std::chrono::milliseconds of) {
    return of.count() > 0 ? std::chrono::duration<double>(left) / of : 0;
  };
  return std::max(0.0,
                  std::min(share(processor_end_ - ThreadClock::now(), deadline_.processor),
                           share(real_end_ - std::chrono::steady_clock::now(), deadline_.real)));
}

Countdown Countdown::half() const {
  const auto half_of = [](auto left) {
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left / 2),
                    std::chrono::milliseconds(0));
  };
  return Countdown({half_of(processor_end_ - ThreadClock::now()),
                    half_of(real_end_ - std::chrono::steady_clock::now())});
}

std::string Countdown::text() const {
  if (processor_passed()) return text_of(deadline_.processor) + " of processor time";
  return text_of(deadline_.real);
}

}  // namespace forkdex
