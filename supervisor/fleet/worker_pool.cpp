#include "supervisor/fleet/worker_pool.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "common/log.h"

namespace forkdex {
namespace {

constexpr std::chrono::milliseconds kSamplingInterval{500};

/// What ends a run whose workers died too often.
Error give_up(const ExitCause& cause, const std::optional<Error>& failure) {
  if (failure && (failure->code == ErrorCode::kDatabaseUnreachable ||
                  failure->code == ErrorCode::kDatabaseLost))
    return {ErrorCode::kDatabaseGone,
            "the database is gone and did not come back; finished files are kept: run again to "
            "resume once it answers",
            failure->text()};
  return {ErrorCode::kRestartIntensity,
          "workers keep dying without finishing a file; finished files are kept: find the cause "
          "in the lines above, then run again to resume",
          fmt::format("the last one {}{}", describe(cause), failure ? ": " + failure->text() : "")};
}

}  // namespace

WorkerPool::WorkerPool(boost::asio::io_context& context, std::filesystem::path executable,
                       WorkerSetup setup, unsigned places, Events events, RestartPolicy policy)
    : context_(context),
      executable_(std::move(executable)),
      setup_(std::move(setup)),
      events_(std::move(events)),
      policy_(policy),
      places_(places),
      sampling_(context) {
  counts_.places = places;
}

WorkerPool::~WorkerPool() = default;

void WorkerPool::start() {
  for (unsigned worker = 0; worker < places_.size() && !failed_; ++worker) spawn(worker);
  sample_memory();
}

void WorkerPool::spawn(unsigned worker) {
  Place& place = places_[worker];
  place.restart.reset();
  place.announced = false;
  place.load = 0;
  WorkerSetup setup = setup_;
  setup.worker = worker;
  auto spawned = WorkerProcess::spawn(
      context_, executable_, setup,
      {.woke = [this, worker] { collect(worker); },
       .exited = [this, worker](const ExitCause& cause) { ended(worker, cause); }});
  if (!spawned) return fail(spawned.error());
  ++counts_.started;
  place.worker = *std::move(spawned);
}

void WorkerPool::collect(unsigned worker) {
  Place& place = places_[worker];
  for (;;) {
    auto outcome = place.worker->jobs().collect();
    if (!outcome) {
      place.worker->kill(outcome.error().text());
      return;
    }
    if (!*outcome) break;
    --place.load;
    policy_.file_finished();
    events_.outcome(worker, **std::move(outcome));
  }
  if (ready(worker) && !draining_) events_.has_room(worker);
}

/// What the worker finished before it died still counts; the rest goes back to the dispatcher.
void WorkerPool::ended(unsigned worker, const ExitCause& cause) {
  Place& place = places_[worker];
  while (true) {
    auto outcome = place.worker->jobs().collect();
    if (!outcome || !*outcome) break;
    policy_.file_finished();
    events_.outcome(worker, **std::move(outcome));
  }
  counts_.idle += place.worker->jobs().idle();
  const std::vector<JobSender::Held> held = place.worker->jobs().held();
  const std::optional<Error> failure = place.worker->jobs().failure();
  const bool was_ready = place.worker->jobs().phase() == WorkerPhase::kReady || place.announced;
  const std::string last_words = place.worker->last_words();
  const pid_t pid = place.worker->pid();
  place.worker.reset();
  place.load = 0;
  const auto* exited = std::get_if<Exited>(&cause);
  const bool asked = draining_ && exited && exited->status == 0;
  if (!asked && !draining_) ++counts_.crashed;
  // What ends the run is said once, by whoever prints the run's error.
  if (!asked && !draining_ && !(failure && is_final(*failure))) {
    log_warning("worker.died", {{"worker", worker},
                                {"pid", pid},
                                {"cause", describe(cause)},
                                {"error", failure ? failure->text() : ""},
                                {"requeued", held.size()},
                                {"last_words", last_words}});
  }
  if (!held.empty()) events_.orphaned(worker, held);
  if (draining_) return report_if_drained();
  replace(worker, cause, failure, was_ready);
}

/// Whether what ended a worker is over for good, so that no other worker can do better.
bool WorkerPool::is_final(const Error& failure) const {
  // A server that answered before may answer again: that is a matter of a few attempts.
  if (failure.code == ErrorCode::kDatabaseUnreachable && ever_ready_) return false;
  return traits(failure.code).radius == BlastRadius::kRun;
}

void WorkerPool::replace(unsigned worker, const ExitCause& cause,
                         const std::optional<Error>& failure, bool was_ready) {
  const bool another_works = std::any_of(places_.begin(), places_.end(), [](const Place& other) {
    return other.worker && other.announced;
  });
  if (failure && failure->code == ErrorCode::kTooManyConnections && another_works) {
    // One worker fewer is slower; none at all is the end.
    log_warning("worker.given_up", {{"worker", worker}, {"reason", failure->text()}});
    return;
  }
  if (failure && is_final(*failure)) return fail(*failure);
  if (!failure && !was_ready && std::holds_alternative<Exited>(cause))
    return fail(
        {ErrorCode::kBug, fmt::format("a worker could not start: it {}", describe(cause)), ""});
  const auto delay = policy_.worker_died(cause);
  if (!delay) return fail(give_up(cause, failure));
  Place& place = places_[worker];
  place.restart = std::make_unique<boost::asio::steady_timer>(context_, *delay);
  place.restart->async_wait([this, worker](const boost::system::error_code& error) {
    if (!error && !draining_) spawn(worker);
  });
}

void WorkerPool::fail(Error error) {
  if (failed_) return;
  failed_ = true;
  // Posted: the caller may still be inside start() or an event of the dispatcher.
  boost::asio::post(context_, [this, error = std::move(error)] { events_.failed(error); });
}

void WorkerPool::drain() {
  draining_ = true;
  sampling_.cancel();
  for (Place& place : places_) {
    place.restart.reset();
    if (place.worker) place.worker->jobs().request_stop();
  }
  report_if_drained();
}

void WorkerPool::kill(const std::string& reason) {
  drain();
  for (Place& place : places_)
    if (place.worker) place.worker->kill(reason);
}

void WorkerPool::report_if_drained() {
  for (const Place& place : places_)
    if (place.worker) return;
  if (std::exchange(drained_reported_, true)) return;
  boost::asio::post(context_, [this] { events_.drained(); });
}

WorkerProcess* WorkerPool::ready(unsigned worker) {
  Place& place = places_[worker];
  if (!place.worker) return nullptr;
  if (!place.announced && place.worker->jobs().phase() != WorkerPhase::kReady) return nullptr;
  place.announced = true;
  ever_ready_ = true;
  return place.worker.get();
}

std::size_t WorkerPool::load(unsigned worker) const { return places_[worker].load; }

bool WorkerPool::offer(unsigned worker, const Job& job) {
  WorkerProcess* process = ready(worker);
  if (!process || !process->jobs().offer(job)) return false;
  ++places_[worker].load;
  return true;
}

std::optional<std::uint64_t> WorkerPool::active(unsigned worker) const {
  const Place& place = places_[worker];
  return place.worker ? place.worker->jobs().active() : std::nullopt;
}

WorkerPool::Counts WorkerPool::counts() const {
  Counts counts = counts_;
  for (const Place& place : places_)
    if (place.worker) counts.idle += place.worker->jobs().idle();
  return counts;
}

void WorkerPool::sample_memory() {
  std::uint64_t sum = 0;
  for (const Place& place : places_)
    if (place.worker) sum += place.worker->pss_bytes();
  counts_.peak_pss_bytes = std::max(counts_.peak_pss_bytes, sum);
  sampling_.expires_after(kSamplingInterval);
  sampling_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sample_memory();
  });
}

}  // namespace forkdex
