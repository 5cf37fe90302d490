#include "supervisor/run/phases/file_phase.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/error/fault.h"
#include "supervisor/installation/locations.h"
#include "supervisor/process/timer.h"
#include "supervisor/run/file_records.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

WorkerPool::Deadlines deadlines_of(const Settings& settings) {
  WorkerPool::Deadlines deadlines;
  deadlines.file = std::chrono::seconds(settings.file_timeout);
  return deadlines;
}

RestartPolicy::Limits restarts_of(const Settings& settings, unsigned places) {
  RestartPolicy::Limits restarts;
  // Faults that a deadline found come that far apart, and a kill may hit a whole fleet at once.
  restarts.window = std::max<RestartPolicy::Clock::duration>(
      restarts.window, 6 * std::chrono::seconds(settings.file_timeout));
  restarts.elsewhere = std::max(restarts.elsewhere, 4 * static_cast<int>(places));
  return restarts;
}

/// Divides the memory among the places, which is to be done before the first worker.
MemoryLimits* divided(MemoryLimits& memory, unsigned places, std::uint64_t memory_per_worker) {
  const bool first = memory.bytes() == 0;
  memory.divide(places, memory_per_worker);
  if (memory.kind() == MemoryLimits::Kind::kNone && first)
    log_warning("memory.limited_by_process", {{"reason", memory.shortcoming()}});
  return &memory;
}

}  // namespace

FilePhase::FilePhase(const Run& run, WorkerSetup setup, JobQueue jobs, unsigned workers,
                     std::uint64_t memory_per_worker)
    : run_(run),
      places_(static_cast<unsigned>(std::min<std::size_t>(workers, jobs.size()))),
      memory_per_worker_(memory_per_worker),
      recipe_(setup.indexing->recipe),
      dispatcher_(std::move(jobs), run.settings.in_flight,
                  [this](unsigned worker, const Job& job, const Outcome& outcome) {
                    finished(worker, job, outcome);
                  }),
      // Outside any worker's memory group, so that the weights are charged to none.
      fork_server_(std::make_unique<ForkServer>(run.context, worker_executable(), setup)),
      pool_(run.context,
            {.executable = worker_executable(),
             .setup = std::move(setup),
             .places = places_,
             .deadlines = deadlines_of(run.settings),
             .policy = RestartPolicy(restarts_of(run.settings, places_)),
             .memory = divided(run.memory, places_, memory_per_worker),
             .fork_server = fork_server_.get()},
            pool_events()),
      ticking_(std::make_shared<boost::asio::steady_timer>(run.context)) {}

Result<void> FilePhase::run() {
  fork_server_->start([this] {
    if (stopping_)
      pool_.drain();
    else
      pool_.start();
  });
  tick();
  run_.context.run();
  fork_server_.reset();
  if (error_) return *error_;
  return {};
}

void FilePhase::drain() {
  stopping_ = true;
  pool_.drain();
}

void FilePhase::kill() {
  stopping_ = true;
  pool_.kill("interrupted twice");
}

void FilePhase::fail(Error error) {
  if (!error_) error_ = std::move(error);
  drain();
}

void FilePhase::pause() { pool_.pause(); }
void FilePhase::resume(const std::string& database_url) { pool_.resume(database_url); }

WorkerPool::Events FilePhase::pool_events() {
  WorkerPool::Events events;
  events.has_room = [this](unsigned worker) {
    fill(worker);
    if (auto passed = fault::point("run.dispatched"); !passed) fail(passed.error());
  };
  events.outcome = [this](unsigned worker, const Outcome& outcome) {
    dispatcher_.finish(worker, outcome);
    if (dispatcher_.done()) drain();
  };
  events.database_lost = [this](const Error& error) { return run_.watch.suspect(error); };
  events.orphaned = [this](unsigned worker, const std::vector<JobSender::Held>& held,
                           const Blame& blame) { orphaned(worker, held, blame); };
  events.failed = [this](Error error) { fail(std::move(error)); };
  events.drained = [this] { run_.context.stop(); };
  return events;
}

/// Jobs came back: other workers may have time for them.
void FilePhase::orphaned(unsigned worker, const std::vector<JobSender::Held>& held,
                         const Blame& blame) {
  for (unsigned count = dispatcher_.take_back(worker, held, blame); count > 0; --count)
    pool_.file_quarantined();
  if (dispatcher_.done()) return drain();
  for (unsigned other = 0; other < places_; ++other)
    if (pool_.ready(other)) fill(other);
}

void FilePhase::fill(unsigned worker) {
  if (auto filled = dispatcher_.fill(pool_, worker); !filled) fail(filled.error());
}

/// The limit that a quarantined file has met, where a higher one may let it pass.
std::uint64_t FilePhase::limit_behind(std::string_view reason) const {
  if (reason == name(Fault::kTimedOut)) return run_.settings.file_timeout;
  return reason == name(Fault::kOutOfMemory) ? memory_per_worker_ : 0;
}

void FilePhase::finished(unsigned worker, const Job& job, const Outcome& outcome) {
  run_.watch.file_finished();
  if (job.kind == JobKind::kEmbedMessages) {
    run_.accounting.add_times(outcome.times);
    return run_.messages_finished(job, outcome);
  }
  FinishedFile file = finished_file(job, outcome);
  run_.accounting.record(file);
  run_.progress.finished(worker, file, Clock::now());
  // Indexed and empty files were stored by the worker, in the file's own transaction.
  const FileState state = file.verdict.state;
  if (state == FileState::kIndexed || state == FileState::kEmpty) return;
  note(record_of(std::move(file), recipe_, limit_behind(outcome.reason)));
}

/// Writes to the ledger. A lost database ends nothing: the record is kept, and written when it is
/// back.
void FilePhase::note(FileRecord record) {
  auto noted = run_.ledger.record(std::move(record));
  if (noted) return;
  if (traits(noted.error().code).database_away)
    run_.watch.lost(noted.error());
  else
    fail(noted.error());
}

void FilePhase::tick() {
  for (unsigned worker = 0; worker < places_; ++worker) {
    const auto id = pool_.active(worker);
    const Job* job = id ? dispatcher_.in_hand(*id) : nullptr;
    run_.progress.working_on(worker, job ? std::string_view(job->label) : std::string_view());
  }
  run_.progress.tick(Clock::now());
  flush_when_due();
  call_after(ticking_, Progress::tick_interval(), [this] { tick(); });
}

void FilePhase::flush_when_due() {
  if (run_.watch.waiting()) return;
  auto flushed = run_.ledger.flush_when_due();
  if (flushed) return;
  if (traits(flushed.error().code).database_away)
    run_.watch.lost(flushed.error());
  else
    fail(flushed.error());
}

}  // namespace forkdex
