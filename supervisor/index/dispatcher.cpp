#include "supervisor/index/dispatcher.h"

#include <algorithm>

namespace forkdex {

/// What one worker may hold now. Towards the end it shrinks, so that the last files spread over
/// all workers instead of waiting behind one.
std::size_t Dispatcher::share(const WorkerPool& pool) const {
  const std::size_t fair = waiting_.size() / (2 * std::size_t{pool.places()});
  return std::clamp<std::size_t>(fair, std::min<std::size_t>(2, in_flight_), in_flight_);
}

void Dispatcher::fill(WorkerPool& pool, unsigned worker) {
  while (!waiting_.empty() && pool.load(worker) < share(pool)) {
    if (!pool.offer(worker, waiting_.front())) return;
    const std::uint64_t id = waiting_.front().id;
    in_hand_.emplace(id, std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Dispatcher::finish(unsigned worker, const Outcome& outcome) {
  const auto node = in_hand_.extract(outcome.job_id);
  if (!node.empty()) finished_(worker, node.mapped(), outcome);
}

void Dispatcher::take_back(const std::vector<JobSender::Held>& held) {
  for (const JobSender::Held& job : held) {
    auto node = in_hand_.extract(job.job_id);
    if (node.empty()) continue;
    if (job.state != SlotState::kReady) node.mapped().known = false;
    waiting_.push_front(std::move(node.mapped()));
  }
}

const Job* Dispatcher::in_hand(std::uint64_t id) const {
  const auto found = in_hand_.find(id);
  return found == in_hand_.end() ? nullptr : &found->second;
}

}  // namespace forkdex
