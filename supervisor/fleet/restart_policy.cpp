#include "supervisor/fleet/restart_policy.h"

#include <algorithm>

namespace forkdex {

void RestartPolicy::job_finished() {
  faults_.clear();
  elsewhere_ = 0;
  quarantined_ = 0;
}

bool RestartPolicy::job_quarantined() { return ++quarantined_ <= limits_.quarantined; }

RestartPolicy::Clock::duration RestartPolicy::delay(int deaths) const {
  const auto doubled = limits_.first_delay * (1 << std::clamp(deaths - 1, 0, 10));
  return std::min<Clock::duration>(doubled, limits_.longest_delay);
}

std::optional<RestartPolicy::Clock::duration> RestartPolicy::worker_died(Death death,
                                                                         Clock::time_point now) {
  if (death == Death::kBlamed) return Clock::duration::zero();
  if (death == Death::kElsewhere) {
    if (++elsewhere_ > limits_.elsewhere) return std::nullopt;
    return elsewhere_ == 1 ? Clock::duration::zero() : delay(elsewhere_);
  }
  while (!faults_.empty() && now - faults_.front() > limits_.window) faults_.pop_front();
  faults_.push_back(now);
  const auto faults = static_cast<int>(faults_.size());
  if (faults > limits_.faults) return std::nullopt;
  return delay(faults);
}

}  // namespace forkdex
