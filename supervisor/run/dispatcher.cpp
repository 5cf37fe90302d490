#include "supervisor/run/dispatcher.h"

#include <algorithm>

#include "supervisor/terminal/log.h"

namespace forkdex {

/// What one worker may hold now. Towards the end it shrinks, so that the last files spread over
/// all workers instead of waiting behind one.
std::size_t Dispatcher::share(const WorkerPool& pool) const {
  const std::size_t fair = waiting() / (2 * std::size_t{pool.places()});
  return std::clamp<std::size_t>(fair, std::min<std::size_t>(2, in_flight_), in_flight_);
}

bool Dispatcher::hand_out(WorkerPool& pool, unsigned worker, std::deque<Job>& queue) {
  if (!pool.offer(worker, queue.front())) return false;
  const std::uint64_t id = queue.front().id;
  in_hand_.emplace(id, std::move(queue.front()));
  queue.pop_front();
  return true;
}

Result<void> Dispatcher::fill(WorkerPool& pool, unsigned worker) {
  if (alone_at_.contains(worker)) return {};
  if (!alone_.empty() && pool.fresh(worker)) {
    const std::uint64_t id = alone_.front().id;
    if (hand_out(pool, worker, alone_)) alone_at_.insert_or_assign(worker, id);
    return {};
  }
  if (!alone_.empty() && !pool.fresh_expected()) {
    // Somebody must make room for a fresh worker: this one, when it has nothing in hand.
    if (pool.load(worker) == 0) pool.recycle(worker);
    return {};
  }
  while (waiting() > 0 && pool.load(worker) < share(pool)) {
    if (next_.empty()) {
      auto job = queue_.next();
      if (!job) return job.error();
      next_.push_back(**std::move(job));
    }
    if (!hand_out(pool, worker, next_)) return {};
  }
  return {};
}

void Dispatcher::finish(unsigned worker, const Outcome& outcome) {
  const auto node = in_hand_.extract(outcome.job_id);
  if (node.empty()) return;
  alone_at_.erase(worker);
  finished_(worker, node.mapped(), outcome);
}

unsigned Dispatcher::take_back(unsigned worker, const std::vector<JobSender::Held>& held,
                               const Blame& blame) {
  alone_at_.erase(worker);
  unsigned quarantined = 0;
  for (const JobSender::Held& held_job : held) {
    auto node = in_hand_.extract(held_job.job_id);
    if (node.empty()) continue;
    Job& job = node.mapped();
    if (blame.accuses(job.id)) {
      if (goes_alone(job)) {
        quarantine(worker, std::move(job), held_job, blame);
        ++quarantined;
        continue;
      }
      ++job.attempt;
      log_info("job.suspected", {{"job", job.label}, {"next_attempt", job.attempt}});
    }
    if (held_job.state != SlotState::kReady) job.taken_before = true;
    if (held_job.stage == Stage::kStore) job.in_doubt = true;
    std::deque<Job>& queue = goes_alone(job) ? alone_ : next_;
    queue.push_front(std::move(job));
  }
  return quarantined;
}

void Dispatcher::quarantine(unsigned worker, Job job, const JobSender::Held& held,
                            const Blame& blame) {
  Outcome outcome;
  outcome.job_id = job.id;
  outcome.end = JobEnd::kQuarantined;
  outcome.reason = name(*blame.fault);
  outcome.detail = blame.cause;
  outcome.content_hash = held.content_hash;
  finished_(worker, job, outcome);
}

const Job* Dispatcher::in_hand(std::uint64_t id) const {
  const auto found = in_hand_.find(id);
  return found == in_hand_.end() ? nullptr : &found->second;
}

}  // namespace forkdex
