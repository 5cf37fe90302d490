#include "supervisor/fleet/restart_policy.h"

#include <algorithm>
#include <csignal>

namespace forkdex {

void RestartPolicy::file_finished() {
  faults_ = 0;
  kills_ = 0;
}

std::optional<RestartPolicy::Clock::duration> RestartPolicy::worker_died(const ExitCause& cause) {
  const auto* signaled = std::get_if<Signaled>(&cause);
  const bool killed = signaled && signaled->signal == SIGKILL;
  int& deaths = killed ? kills_ : faults_;
  ++deaths;
  if (deaths > (killed ? limits_.kills : limits_.faults)) return std::nullopt;
  if (deaths == 1 && killed) return Clock::duration::zero();
  const auto doubled = limits_.first_delay * (1 << std::min(deaths - 1, 10));
  return std::min<Clock::duration>(doubled, limits_.longest_delay);
}

}  // namespace forkdex
