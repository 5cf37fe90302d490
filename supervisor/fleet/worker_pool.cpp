#include "supervisor/fleet/worker_pool.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "supervisor/installation/program_name.h"
#include "supervisor/process/timer.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{500};
// A process that the kernel ends for its memory is gone within this time.
constexpr std::chrono::seconds kKillMemory{5};
// Somebody else's connection may have ended by then.
constexpr std::chrono::seconds kPlaceRetry{10};

/// What ends a run whose workers died too often.
Error give_up(const Blame& blame, const std::optional<Error>& failure) {
  if (failure && traits(failure->code).database_away)
    return {ErrorCode::kDatabaseGone,
            "the database is gone and did not come back; finished files are kept: run again to "
            "resume once it answers",
            failure->text()};
  return {ErrorCode::kRestartIntensity,
          "workers keep dying without finishing a job; finished ones are kept: find the cause "
          "in the lines above, then run again to resume",
          blame.cause};
}

/// What ends a run none of whose workers can start.
Error no_start(const Blame& blame, const MemoryLimits* memory) {
  if (blame.fault == Fault::kOutOfMemory && memory)
    return {ErrorCode::kModelUnusable,
            fmt::format("the model does not fit into --memory-per-worker {}MiB: give more",
                        memory->bytes() >> 20),
            blame.cause};
  if (blame.fault == Fault::kTimedOut)
    return {ErrorCode::kRestartIntensity,
            "no worker is ready within the time it has: the machine is too busy, or a disk or the "
            "database stands still; run again when that is over",
            blame.cause};
  return {ErrorCode::kBug,
          "no worker can start; forkdex may have to be installed or "
          "built again",
          blame.cause};
}

}  // namespace

WorkerPool::WorkerPool(boost::asio::io_context& context, Options options, Events events)
    : context_(context),
      options_(std::move(options)),
      events_(std::move(events)),
      watching_(std::make_shared<boost::asio::steady_timer>(context)),
      policy_(options_.policy) {}

WorkerPool::~WorkerPool() = default;

void WorkerPool::employ(unsigned places) {
  if (draining_ || failed_) return;
  end_rest();
  policy_ = options_.policy;
  const unsigned first = this->places();
  if (places > first) places_.resize(places);
  counts_.places = this->places();
  for (unsigned worker = 0; worker < this->places() && !failed_; ++worker) {
    const bool is_held = places_[worker].state() == PlaceState::kAwaitingDatabase;
    if (worker >= first && paused_)
      respawn(worker, {});
    else if (worker >= first || (is_held && !paused_))
      spawn(worker);
  }
  if (first == 0 && places > 0) watch();
}

void WorkerPool::equip(bool embeds, ForkServer* fork_server) {
  options_.setup.tuning.embeds = embeds;
  options_.fork_server = fork_server;
  ever_ready_ = false;  // what could start without the models may not with them
  for (unsigned worker = 0; worker < places(); ++worker) recycle(worker);
}

void WorkerPool::rest() {
  if (!resting_since_) resting_since_ = RestartPolicy::Clock::now();
}

void WorkerPool::end_rest() {
  if (!resting_since_) return;
  const auto rested = RestartPolicy::Clock::now() - *resting_since_;
  resting_since_.reset();
  for (const Place& place : places_)
    if (place.worker()) counts_.idle -= rested;
}

void WorkerPool::spawn(unsigned worker) {
  const auto now = RestartPolicy::Clock::now();
  WorkerSetup setup = options_.setup;
  setup.worker = worker;
  auto spawned = WorkerProcess::spawn(
      context_, options_.executable, setup,
      {.woke = [this, worker] { collect(worker); },
       .exited = [this,
                  worker](const ExitCause& cause) { ended(worker, told_apart(worker, cause)); }},
      options_.memory ? options_.memory->of(worker) : ChildLimits{}, options_.fork_server);
  if (!spawned) return fail(spawned.error());
  ++counts_.started;
  places_[worker].spawned(*std::move(spawned), now);
}

void WorkerPool::collect(unsigned worker) {
  Place& place = places_[worker];
  for (;;) {
    auto outcome = place.worker()->jobs().collect();
    if (!outcome) {
      place.worker()->kill(KilledByUs{outcome.error().text(), true});
      return;
    }
    if (!*outcome) break;
    place.job_finished();
    policy_.job_finished();
    events_.outcome(worker, **std::move(outcome));
  }
  if (ready(worker) && !draining_) events_.has_room(worker);
}

/// A SIGKILL that the kernel sent for memory is another thing than one from elsewhere. The counters
/// are asked at every death, so that each is told apart by what was counted since the one before.
ExitCause WorkerPool::told_apart(unsigned worker, const ExitCause& cause) {
  const auto scope = options_.memory ? options_.memory->oom_kill_seen(worker) : std::nullopt;
  const auto* signaled = std::get_if<Signaled>(&cause);
  if (!scope || !signaled || signaled->signal != SIGKILL) return cause;
  return OutOfMemory{*scope};
}

/// What the worker finished before it died still counts; the rest goes back to the dispatcher.
void WorkerPool::ended(unsigned worker, const ExitCause& cause) {
  Place& place = places_[worker];
  JobSender& jobs = place.worker()->jobs();
  while (true) {
    auto outcome = jobs.collect();
    if (!outcome || !*outcome) break;
    policy_.job_finished();
    events_.outcome(worker, **std::move(outcome));
  }
  counts_.idle += jobs.idle();
  const bool recycling = place.state() == PlaceState::kRecycling;
  if (resting_since_) counts_.idle -= RestartPolicy::Clock::now() - *resting_since_;
  // One that is recycled may know less than those to come (equip).
  if (jobs.phase() == WorkerPhase::kReady && !recycling) ever_ready_ = true;
  const std::vector<JobSender::Held> held = jobs.held();
  const std::optional<Error> failure = jobs.failure();
  Blame blame = assign_blame(cause, failure, held, place.worker()->stderr_tail());
  const bool too_many = too_many_for_memory(cause);
  if (too_many) blame = Blame{std::nullopt, std::move(blame.cause), {}};
  const pid_t pid = place.worker()->pid();
  const auto* exited = std::get_if<Exited>(&cause);
  const bool asked = (draining_ || recycling) && exited && exited->status == kExitOk;
  place.ended();
  if (asked && recycling) ++counts_.recycled;
  if (!asked && !draining_) {
    if (!resting_since_) count(cause, blame);
    // What ends the run is said once, by whoever prints the run's error.
    if (!(failure && is_final(*failure)))
      log_warning("worker.died", {{"worker", worker},
                                  {"pid", pid},
                                  {"cause", blame.cause},
                                  {"suspects", blame.suspects.size()},
                                  {"requeued", held.size() - blame.suspects.size()}});
  }
  if (!held.empty()) events_.orphaned(worker, held, asked ? Blame() : blame);
  if (draining_) return report_if_drained();
  if (asked || resting_since_) return respawn(worker, {});
  if (too_many) return leave_empty(worker, blame.cause);
  replace(worker, failure, blame, recycling);
}

/// Whether memory ran out around the workers and not in one of them: then there are too many, and
/// no job is to blame as long as there are fewer to be had.
bool WorkerPool::too_many_for_memory(const ExitCause& cause) const {
  const auto* ended = std::get_if<OutOfMemory>(&cause);
  return ended && ended->scope != "worker" && !draining_ &&
         std::count_if(places_.begin(), places_.end(),
                       [](const Place& place) { return !place.is_given_up(); }) > 1;
}

/// For the rest of the run.
void WorkerPool::leave_empty(unsigned worker, const std::string& reason) {
  places_[worker].on(PlaceEvent::kGiveUp);
  log_warning("worker.given_up", {{"worker", worker}, {"reason", reason}});
  offer_room();
}

/// A job that must go alone may have waited for the worker that a place was to get.
void WorkerPool::offer_room() {
  for (unsigned other = 0; other < places_.size(); ++other)
    if (ready(other) && !draining_) events_.has_room(other);
}

void WorkerPool::count(const ExitCause& cause, const Blame& blame) {
  if (std::holds_alternative<TimedOut>(cause))
    ++counts_.timed_out;
  else if (std::holds_alternative<OutOfMemory>(cause) || blame.fault == Fault::kOutOfMemory)
    ++counts_.out_of_memory;
  else
    ++counts_.crashed;
}

/// Whether what ended a worker is over for good, so that no other worker can do better.
bool WorkerPool::is_final(const Error& failure) const {
  const ErrorTraits& row = traits(failure.code);
  // It has answered the supervisor, and may answer again: that is a matter of a few attempts.
  if (row.database_away || (ever_ready_ && row.may_pass)) return false;
  return row.radius == BlastRadius::kRun;
}

/// Whether this end says that no worker ever will start: another try would end the same way.
bool WorkerPool::cannot_start(const std::optional<Error>& failure, const Blame& blame) const {
  if (ever_ready_) return false;
  if (failure) return traits(failure->code).fault == WorkerFault::kMemory;
  // A kill from elsewhere says nothing about the worker.
  return blame.fault.has_value();
}

/// `was_recycled` for one that was to be another: its end says nothing of those to come.
void WorkerPool::replace(unsigned worker, const std::optional<Error>& failure, const Blame& blame,
                         bool was_recycled) {
  if (failure && give_up_place(worker, *failure)) return;
  const bool away = failure && traits(failure->code).database_away;
  if (away && events_.database_lost(*failure)) return respawn(worker, {});  // at resume()
  if (failure && is_final(*failure)) return fail(*failure);
  if (!was_recycled && cannot_start(failure, blame)) return fail(no_start(blame, options_.memory));
  const Death death = !blame.fault             ? Death::kElsewhere
                      : blame.suspects.empty() ? Death::kFault
                                               : Death::kBlamed;
  const auto delay = policy_.worker_died(death, RestartPolicy::Clock::now());
  if (!delay) return fail(give_up(blame, failure));
  respawn(worker, *delay);
}

/// One worker fewer is slower; none at all is the end. The place is tried again now and then.
bool WorkerPool::give_up_place(unsigned worker, const Error& failure) {
  // Another that is about to start may fail in the same way; then it is the last, and says so.
  const bool others = std::any_of(places_.begin(), places_.end(),
                                  [](const Place& other) { return other.worker() != nullptr; });
  if (!traits(failure.code).may_pass || !others) return false;
  Place& place = places_[worker];
  const bool is_news = !place.is_given_up();
  place.on(PlaceEvent::kGiveUp);
  if (is_news) log_warning("worker.given_up", {{"worker", worker}, {"reason", failure.text()}});
  respawn(worker, kPlaceRetry);
  offer_room();
  return true;
}

void WorkerPool::respawn(unsigned worker, RestartPolicy::Clock::duration delay) {
  call_after(places_[worker].time_restart(context_), delay,
             [this, worker] { restart_due(worker); });
}

void WorkerPool::restart_due(unsigned worker) {
  if (draining_) return;
  if (!paused_ && !resting_since_) return spawn(worker);
  if (places_[worker].is_given_up())
    respawn(worker, kPlaceRetry);
  else
    places_[worker].on(PlaceEvent::kHold);
}

void WorkerPool::resume(const std::string& database_url) {
  paused_ = false;
  if (options_.setup.indexing) options_.setup.indexing->database_url = database_url;
  if (draining_ || failed_) return;
  for (unsigned worker = 0; worker < places_.size(); ++worker) {
    // One that rests has lost its connection without having noticed.
    if (resting_since_) recycle(worker);
    if (!resting_since_ && places_[worker].state() == PlaceState::kAwaitingDatabase) spawn(worker);
  }
}

void WorkerPool::job_quarantined() {
  if (policy_.job_quarantined()) return;
  fail({ErrorCode::kRestartIntensity,
        fmt::format("one file or text after the other had to be given up and none could be done; "
                    "finished ones are kept: look at `{} failures` for what they have in common, "
                    "then run again to resume",
                    program_name()),
        ""});
}

void WorkerPool::fail(Error error) {
  if (failed_) return;
  failed_ = true;
  // Posted: the caller may still be inside employ() or an event of the dispatcher.
  boost::asio::post(context_, [this, error = std::move(error)] { events_.failed(error); });
}

void WorkerPool::drain() {
  end_rest();
  draining_ = true;
  const auto now = RestartPolicy::Clock::now();
  for (Place& place : places_) place.drain(now);
  report_if_drained();
}

void WorkerPool::kill(const std::string& reason) {
  drain();
  for (Place& place : places_)
    if (place.worker()) place.worker()->kill(KilledByUs{reason});
}

void WorkerPool::report_if_drained() {
  for (const Place& place : places_)
    if (place.worker()) return;
  if (std::exchange(drained_reported_, true)) return;
  boost::asio::post(context_, [this] { events_.drained(); });
}

WorkerProcess* WorkerPool::ready(unsigned worker) {
  Place& place = places_[worker];
  if (place.state() == PlaceState::kReady) return place.worker();
  const bool is_starting =
      place.state() == PlaceState::kStarting || place.state() == PlaceState::kRetrying;
  if (!is_starting || place.worker()->jobs().phase() != WorkerPhase::kReady) return nullptr;
  warn_of_gaps(place.worker()->jobs().sandbox_gaps());
  warn_if_unconfined(worker);
  place.on(PlaceEvent::kReady);
  ever_ready_ = true;
  return place.worker();
}

/// Once: what the kernel refuses to one worker it refuses to all.
void WorkerPool::warn_of_gaps(const std::string& gaps) {
  if (gaps.empty() || std::exchange(warned_of_gaps_, true)) return;
  log_warning("sandbox.incomplete", {{"lacks", gaps}});
}

/// Once, as above: then RLIMIT_DATA alone holds it.
void WorkerPool::warn_if_unconfined(unsigned worker) {
  const pid_t pid = places_[worker].worker()->pid();
  if (warned_of_unconfined_ || !options_.memory || options_.memory->confines(worker, pid)) return;
  warned_of_unconfined_ = true;
  log_warning("memory.limited_by_process",
              {{"reason", "a worker was refused its memory group"}, {"worker", worker}});
}

std::size_t WorkerPool::load(unsigned worker) const { return places_[worker].load(); }

bool WorkerPool::offer(unsigned worker, const Job& job) {
  WorkerProcess* process = ready(worker);
  if (!process || !process->jobs().offer(job)) return false;
  places_[worker].job_offered(RestartPolicy::Clock::now());
  return true;
}

std::optional<std::uint64_t> WorkerPool::active(unsigned worker) const {
  WorkerProcess* process = places_[worker].worker();
  return process ? process->jobs().active() : std::nullopt;
}

WorkerPool::Counts WorkerPool::counts() const {
  Counts counts = counts_;
  for (const Place& place : places_) {
    if (place.worker()) counts.idle += place.worker()->jobs().idle();
    if (place.is_given_up()) --counts.places;
  }
  // One that was killed at rest has not told of its waiting.
  counts.idle = std::max(counts.idle, std::chrono::nanoseconds(0));
  return counts;
}

bool WorkerPool::fresh(unsigned worker) { return ready(worker) && !places_[worker].was_offered(); }

bool WorkerPool::fresh_expected() {
  return std::any_of(places_.begin(), places_.end(),
                     [](const Place& place) { return place.expects_fresh_worker(); });
}

void WorkerPool::recycle(unsigned worker) {
  if (places_[worker].worker()) places_[worker].recycle(RestartPolicy::Clock::now());
}

void WorkerPool::watch() {
  const auto now = RestartPolicy::Clock::now();
  for (unsigned worker = 0; worker < places_.size(); ++worker) {
    if (!places_[worker].worker()) continue;
    check_deadline(places_[worker], now);
    check_memory(worker);
  }
  sample_memory();
  if (options_.memory && now - counters_aged_at_ >= kKillMemory) {
    counters_aged_at_ = now;
    options_.memory->forget_older_kills();
  }
  call_after(watching_, kWatchInterval, [this] { watch(); });
}

/// Ends a worker in which nothing moves: at its start, in a job, or between two.
void WorkerPool::check_deadline(const Place& place, RestartPolicy::Clock::time_point now) const {
  WorkerProcess& worker = *place.worker();
  const JobSender& jobs = worker.jobs();
  const Deadlines& deadlines = options_.deadlines;
  if (jobs.phase() == WorkerPhase::kStarting) {
    if (now - place.spawned_at() > deadlines.start)
      worker.kill(TimedOut{"its start", deadlines.start});
    return;
  }
  bool active = false;
  for (const JobSender::Held& job : jobs.held()) {
    if (job.state != SlotState::kTaken || job.stage == Stage::kWaiting) continue;
    active = true;
    if (now - job.since > deadlines.job)
      return worker.kill(TimedOut{std::string(name(job.stage)), deadlines.job});
  }
  const auto moved = std::max(jobs.last_beat(), place.offered_at());
  if (!active && place.load() > 0 && now - moved > deadlines.job)
    return worker.kill(TimedOut{"the worker's loop", deadlines.job});
  const auto asked = place.asked_to_end_at();
  if (!active && asked && now - std::max(moved, *asked) > deadlines.job)
    worker.kill(TimedOut{"its end", deadlines.job});
}

/// What a large job left behind in a worker's heap is given back by replacing it between jobs.
void WorkerPool::check_memory(unsigned worker) {
  if (!options_.memory || options_.memory->soft_bytes() == 0) return;
  const WorkerProcess* process = ready(worker);
  if (!process) return;
  const std::uint64_t bytes = anonymous_bytes(process->pid());
  if (bytes <= options_.memory->soft_bytes()) return;
  log_info("worker.recycled", {{"worker", worker}, {"anonymous_bytes", bytes}});
  recycle(worker);
}

void WorkerPool::sample_memory() {
  std::uint64_t sum = 0;
  for (const Place& place : places_)
    if (place.worker()) sum += place.worker()->pss_bytes();
  counts_.peak_pss_bytes = std::max(counts_.peak_pss_bytes, sum);
}

}  // namespace forkdex
