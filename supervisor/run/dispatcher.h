#pragma once

// Which job goes to which worker, and when: the queue of a run. Jobs leave in the order given
// (biggest first); a worker holds a few at a time and gets more as it finishes some, so the queue
// never runs ahead of the workers. What a dead worker held goes back to the front.
//
// A job that a worker died over is tried again. The second time it is suspected it goes alone to a
// fresh worker; if that one dies too it is quarantined: nothing else can have been the cause. What
// a job is about is not known here: payloads pass unopened.

#include <cstddef>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "common/jobs/job.h"
#include "supervisor/fleet/worker_pool.h"
#include "supervisor/run/job_queue.h"

namespace forkdex {

class Dispatcher {
 public:
  using Finished = std::function<void(unsigned worker, const Job&, const Outcome&)>;

  /// Tries after which a job is quarantined; the last one alone in a fresh worker.
  static constexpr std::uint32_t kMostAttempts = 3;

  /// `in_flight` is the most jobs a worker may hold, at most kSlots.
  Dispatcher(JobQueue jobs, std::size_t in_flight, Finished finished)
      : queue_(std::move(jobs)), in_flight_(in_flight), finished_(std::move(finished)) {}

  /// Gives jobs to a worker that has room. ERRORS as JobQueue::next.
  Result<void> fill(WorkerPool& pool, unsigned worker);
  /// Takes note of an outcome. An outcome for no job in hand is ignored.
  void finish(unsigned worker, const Outcome& outcome);
  /// Takes back what a dead worker held. Returns how many jobs are quarantined now; `finished` was
  /// called for each.
  unsigned take_back(unsigned worker, const std::vector<JobSender::Held>& held, const Blame& blame);

  bool done() const { return unfinished() == 0; }
  std::size_t unfinished() const { return waiting() + alone_.size() + in_hand_.size(); }
  /// The job with this id if a worker has it.
  const Job* in_hand(std::uint64_t id) const;

 private:
  /// Jobs that wait for any worker.
  std::size_t waiting() const { return next_.size() + queue_.size(); }
  std::size_t share(const WorkerPool& pool) const;
  bool goes_alone(const Job& job) const { return job.attempt == kMostAttempts; }
  bool hand_out(WorkerPool& pool, unsigned worker, std::deque<Job>& queue);
  void quarantine(unsigned worker, Job job, const JobSender::Held& held, const Blame& blame);

  JobQueue queue_;
  std::deque<Job> next_;   // of the queue, and what came back
  std::deque<Job> alone_;  // for fresh workers, one each
  std::unordered_map<std::uint64_t, Job> in_hand_;
  std::unordered_map<unsigned, std::uint64_t> alone_at_;  // the job a worker has to itself
  std::size_t in_flight_;
  Finished finished_;
};

}  // namespace forkdex
