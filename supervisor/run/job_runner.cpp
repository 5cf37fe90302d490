#include "supervisor/run/job_runner.h"

#include <chrono>
#include <utility>

#include "common/error/fault.h"
#include "supervisor/process/timer.h"

namespace forkdex {

using Clock = std::chrono::steady_clock;

JobRunner::JobRunner(const Environment& environment, Fleet::Options fleet, std::size_t in_flight,
                     std::function<void()> moved)
    : environment_(environment),
      in_flight_(in_flight),
      moved_(std::move(moved)),
      fleet_(environment.context, std::move(fleet), pool_events()) {}

Result<void> JobRunner::run(JobQueue jobs, Phase& phase) {
  if (error_) return *error_;
  if (drained_) return {};
  const std::size_t count = jobs.size();
  phase_ = &phase;
  dispatcher_.emplace(std::move(jobs), in_flight_,
                      [this](unsigned worker, const Job& job, const Outcome& outcome) {
                        finished(worker, job, outcome);
                      });
  ticking_ = std::make_shared<boost::asio::steady_timer>(environment_.context);
  environment_.context.restart();
  fleet_.employ(count, phase.embeds());
  fill_all();
  tick();
  environment_.context.run();
  ticking_.reset();
  fleet_.pool().rest();
  dispatcher_.reset();
  phase_ = nullptr;
  return error_ ? Result<void>(*error_) : Result<void>();
}

Result<void> JobRunner::end() {
  fleet_.drain();
  while (!drained_) {
    environment_.context.restart();
    environment_.context.run();
  }
  fleet_.close();
  return error_ ? Result<void>(*error_) : Result<void>();
}

void JobRunner::fail(Error error) {
  if (!error_) error_ = std::move(error);
  drain();
}

WorkerPool::Events JobRunner::pool_events() {
  WorkerPool::Events events;
  events.has_room = [this](unsigned worker) {
    fill(worker);
    if (auto passed = fault::point("run.dispatched"); !passed) fail(passed.error());
  };
  events.outcome = [this](unsigned worker, const Outcome& outcome) {
    if (!dispatcher_) return;
    dispatcher_->finish(worker, outcome);
    leave_if_done();
  };
  events.database_lost = [this](const Error& error) { return environment_.watch.suspect(error); };
  events.orphaned = [this](unsigned worker, const std::vector<JobSender::Held>& held,
                           const Blame& blame) { orphaned(worker, held, blame); };
  events.failed = [this](Error error) { fail(std::move(error)); };
  events.drained = [this] {
    drained_ = true;
    environment_.context.stop();
  };
  return events;
}

/// The workers wait for what the next phase has for them.
void JobRunner::leave_if_done() {
  if (dispatcher_->done()) environment_.context.stop();
}

/// Jobs came back: other workers may have time for them.
void JobRunner::orphaned(unsigned worker, const std::vector<JobSender::Held>& held,
                         const Blame& blame) {
  if (!dispatcher_) return;
  for (unsigned count = dispatcher_->take_back(worker, held, blame); count > 0; --count)
    fleet_.pool().job_quarantined();
  leave_if_done();
  fill_all();
}

void JobRunner::fill_all() {
  WorkerPool& pool = fleet_.pool();
  for (unsigned worker = 0; worker < pool.places(); ++worker)
    if (pool.ready(worker)) fill(worker);
}

/// Between two phases nothing is left to be given.
void JobRunner::fill(unsigned worker) {
  if (!dispatcher_) return;
  if (auto filled = dispatcher_->fill(fleet_.pool(), worker); !filled) fail(filled.error());
}

void JobRunner::finished(unsigned worker, const Job& job, const Outcome& outcome) {
  environment_.watch.job_finished();
  note(phase_->finished(worker, job, outcome));
  moved_();
}

/// A lost database ends nothing: what was noted is kept, and written when it is back.
void JobRunner::note(const Result<void>& noted) {
  if (noted) return;
  if (traits(noted.error().code).database_away)
    environment_.watch.lost(noted.error());
  else
    fail(noted.error());
}

void JobRunner::tick() {
  const WorkerPool& pool = fleet_.pool();
  for (unsigned worker = 0; worker < pool.places(); ++worker) {
    const auto id = pool.active(worker);
    const Job* job = id ? dispatcher_->in_hand(*id) : nullptr;
    environment_.progress.working_on(worker,
                                     job ? std::string_view(job->label) : std::string_view());
  }
  environment_.progress.tick(Clock::now());
  if (!environment_.watch.waiting()) note(phase_->tick());
  call_after(ticking_, Progress::tick_interval(), [this] { tick(); });
}

}  // namespace forkdex
