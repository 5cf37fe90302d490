#include "supervisor/index/index_run.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/fault.h"
#include "common/locations.h"
#include "common/log.h"
#include "common/output.h"
#include "common/path_text.h"
#include "common/recipe.h"
#include "supervisor/fleet/sizing.h"
#include "supervisor/index/file_records.h"
#include "supervisor/index/summary.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

// Up to this many vectors an exact scan answers in well under a second, and loading without an
// index is a hundred times faster (docs/benchmarks.md).
constexpr std::int64_t kExactScanVectors = 50'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Result<RunEnd> IndexRun::run() {
  // First of all: a signal must not end us between starting a server and owning it.
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  // nohup(1) has it ignored.
  struct sigaction hangup{};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    signals_.add(SIGHUP);
  await_signal();
  if (auto opened = open(); !opened) {
    if (signal_) return RunEnd{kExitOk, signal_};  // while something was waited for
    return opened.error();
  }
  print(opening_text(ledger_->repository_name(), repository_.root.string(), ledger_->moved_from(),
                     database_->description(), workers_, model_, settings_.verbosity));
  progress_ = make_progress(settings_, accounting_, STDERR_FILENO, Clock::now());
  auto done = plan();
  if (done) done = work();
  if (done) done = finish();
  // Interrupted while the database was away, we die of the signal.
  if (!done && !signal_) error_ = done.error();
  progress_->end(Clock::now());
  if (auto reported = report(); !reported && !error_ && !signal_) error_ = reported.error();
  if (error_) return *error_;
  RunEnd end;
  end.signal = signal_;
  end.exit_status = accounting_.not_indexed() > 0 ? kExitSomeFailed : kExitOk;
  return end;
}

/// The folder that PATH names, or the clone of the URL, brought up to date.
Result<RepositoryInfo> IndexRun::open_repository() {
  if (!names_remote(path_)) return inspect_repository(path_, settings_.rev);
  const auto url = parse_remote_url(path_.native());
  if (!url) return url.error();
  if (settings_.verbosity != Verbosity::kQuiet)
    print(fmt::format("fetching {}\n", display_path(url->shown)));
  auto clone = Clone::update(*url, [this] {
    poll_signals();
    return signal_ == 0;
  });
  if (!clone) return clone.error();
  clone_.emplace(*std::move(clone));
  return clone_->inspect(settings_.rev);
}

/// Everything that can be wrong before a file is looked at, cheapest first.
Result<void> IndexRun::open() {
  if (auto writable = check_report_destination(settings_.report); !writable) return writable;
  auto repository = open_repository();
  if (!repository) return repository.error();
  repository_ = *std::move(repository);

  const auto cache = cache_folder();
  auto model = ModelFolder::read(
      settings_.code_model.empty() ? default_model_folder() : settings_.code_model,
      cache ? *cache : std::filesystem::path());
  if (!model) return model.error();
  model_ = *std::move(model);
  recipe_ = indexing_recipe(model_);
  choose_sizes();
  // Before anything is spawned: see MemoryLimits::open.
  memory_.emplace(MemoryLimits::open("/"));
  auto database = DatabaseAccess::open(settings_.database_url, "forkdex supervisor");
  if (!database) return database.error();
  database_.emplace(*std::move(database));
  RepositoryIdentity identity;
  identity.name =
      settings_.repository.empty() ? display_path(repository_.default_name) : settings_.repository;
  identity.root = repository_.root.string();
  identity.remote = repository_.remote;
  identity.root_commit = repository_.root_commit;
  std::function<bool()> keep_waiting;
  if (settings_.wait)
    keep_waiting = [this] {
      poll_signals();
      return signal_ == 0;
    };
  auto ledger = Ledger::open(database_->connection(), identity, model_, keep_waiting);
  if (!ledger) return ledger.error();
  ledger_.emplace(*std::move(ledger));
  watch_.emplace(context_, *database_, *ledger_, std::chrono::seconds(settings_.database_timeout),
                 database_events());
  return fault::point("run.claimed");
}

void IndexRun::choose_sizes() {
  workers_ = settings_.workers
                 ? *settings_.workers
                 : choose_workers(settings_.memory_per_worker.value_or(kPlannedWorkerBytes));
  memory_per_worker_ = settings_.memory_per_worker
                           ? *settings_.memory_per_worker
                           : choose_memory_per_worker(workers_, machine_limits().memory_bytes());
}

/// Lists, merges with what is known, and settles every file that needs no worker.
Result<void> IndexRun::plan() {
  const auto start = Clock::now();
  phase("scan");
  auto known = insist([this] { return ledger_->known_files(); });
  if (!known) return known.error();
  PlanRules rules;
  rules.recipe = recipe_;
  rules.full = settings_.full;
  rules.retry_failed = settings_.retry_failed;
  rules.file_timeout_seconds = settings_.file_timeout;
  rules.memory_per_worker_bytes = memory_per_worker_;
  rules.max_file_bytes = settings_.max_file_size;
  rules.include = settings_.include;
  rules.exclude = settings_.exclude;
  rules.languages = settings_.languages;
  rules.listed_at_ns = wall_clock_ns();
  Planner planner(
      std::move(rules), [&] { return known->next(); },
      [this](Decided&& file) { decided(std::move(file)); });
  Result<void> merged;
  auto listed = list_files(repository_, [&](ListedFile&& file) {
    if (merged) merged = planner.take(std::move(file));
  });
  if (!listed) return listed;
  if (!merged) return merged;
  auto jobs = planner.finish();
  if (!jobs) return jobs.error();
  jobs_ = *std::move(jobs);
  std::uint64_t bytes = 0;
  for (const Job& job : jobs_) bytes += job.signature.size;
  accounting_.expect(jobs_.size(), bytes);
  facts_.seconds.scan = seconds_since(start);
  warn_of_nothing();
  if (auto passed = fault::point("run.planned"); !passed) return passed;
  return insist([this] { return ledger_->flush(); });
}

/// A run that finds nothing is seldom what was meant.
void IndexRun::warn_of_nothing() const {
  if (accounting_.total() == 0) {
    std::fprintf(stderr, "supervisor: warning: nothing to index: no file was found in %s\n",
                 display_path(repository_.root.string()).c_str());
  } else if (accounting_.excluded() == accounting_.total()) {
    std::fprintf(stderr,
                 "supervisor: warning: nothing to index: --include, --exclude and --languages "
                 "leave none of %llu files\n",
                 static_cast<unsigned long long>(accounting_.total()));
  }
}

void IndexRun::decided(Decided&& file) {
  if (file.state != FileState::kRemoved) accounting_.expect(1);
  accounting_.record(PlannedFile{file.path, file.state, file.reason, file.detail, file.language,
                                 file.chunks, file.attempts});
  if (!file.row_is_current) note(record_of(std::move(file), recipe_));
}

/// Writes to the ledger; a failure ends the run at the next turn. A lost database does not: the
/// record is kept, and written when it is back.
void IndexRun::note(FileRecord record) {
  auto noted = ledger_->record(std::move(record));
  if (noted) return;
  if (noted.error().code != ErrorCode::kDatabaseLost) {
    if (!error_) error_ = noted.error();
  } else if (pool_) {
    watch_->lost(noted.error());
  }
}

void IndexRun::phase(std::string_view name) {
  phase_ = name;
  progress_->phase(name, Clock::now());
}

DatabaseWatch::Events IndexRun::database_events() {
  DatabaseWatch::Events events;
  events.lost = [this] {
    progress_->phase("waiting for the database", Clock::now());
    if (pool_) pool_->pause();
  };
  events.back = [this] {
    phase(phase_);
    if (pool_) pool_->resume(database_->worker_conninfo());
  };
  events.gone = [this](Error error) {
    if (pool_) workers_failed(std::move(error));
  };
  return events;
}

Result<void> IndexRun::work() {
  poll_signals();
  if (error_) return *error_;
  if (jobs_.empty() || signal_) return {};
  const auto start = Clock::now();
  phase("");
  const auto places = static_cast<unsigned>(std::min<std::size_t>(workers_, jobs_.size()));
  dispatcher_.emplace(std::move(jobs_), settings_.in_flight,
                      [this](unsigned worker, const Job& job, const Outcome& outcome) {
                        finished(worker, job, outcome);
                      });
  WorkerPool::Deadlines deadlines;
  deadlines.file = std::chrono::seconds(settings_.file_timeout);
  memory_->divide(places, memory_per_worker_);
  if (memory_->kind() == MemoryLimits::Kind::kNone)
    log_warning("memory.limited_by_process", {{"reason", memory_->shortcoming()}});
  RestartPolicy::Limits restarts;
  // Faults that a deadline found come that far apart, and a kill may hit a whole fleet at once.
  restarts.window = std::max<RestartPolicy::Clock::duration>(restarts.window, 6 * deadlines.file);
  restarts.elsewhere = std::max(restarts.elsewhere, 4 * static_cast<int>(places));
  const WorkerSetup setup = worker_setup();
  // Outside any worker's memory group, so that the weights are charged to none.
  fork_server_ = std::make_unique<ForkServer>(context_, worker_executable(), setup);
  pool_ = std::make_unique<WorkerPool>(context_, worker_executable(), setup, places, pool_events(),
                                       deadlines, &*memory_, fork_server_.get(),
                                       RestartPolicy(restarts));
  fork_server_->start([this] {
    if (signal_ || error_)
      pool_->drain();
    else
      pool_->start();
  });
  tick();
  context_.run();
  fork_server_.reset();
  const WorkerPool::Counts counts = pool_->counts();
  facts_.workers.count = counts.places;
  facts_.workers.started = counts.started;
  facts_.workers.crashed = counts.crashed;
  facts_.workers.out_of_memory = counts.out_of_memory;
  facts_.workers.timed_out = counts.timed_out;
  facts_.workers.recycled = counts.recycled;
  facts_.seconds.worker_idle = std::chrono::duration<double>(counts.idle).count();
  facts_.memory.workers_peak_pss_bytes = counts.peak_pss_bytes;
  facts_.seconds.files = seconds_since(start);
  if (error_) return *error_;
  return insist([this] { return ledger_->flush(); });
}

WorkerPool::Events IndexRun::pool_events() {
  WorkerPool::Events events;
  events.has_room = [this](unsigned worker) {
    dispatcher_->fill(*pool_, worker);
    if (auto passed = fault::point("run.dispatched"); !passed) workers_failed(passed.error());
  };
  events.outcome = [this](unsigned worker, const Outcome& outcome) {
    dispatcher_->finish(worker, outcome);
    if (dispatcher_->done()) pool_->drain();
  };
  events.database_lost = [this](const Error& error) { return watch_->suspect(error); };
  events.orphaned = [this](unsigned worker, const std::vector<JobSender::Held>& held,
                           const Blame& blame) { orphaned(worker, held, blame); };
  events.failed = [this](Error error) { workers_failed(std::move(error)); };
  events.drained = [this] { context_.stop(); };
  return events;
}

WorkerSetup IndexRun::worker_setup() const {
  WorkerSetup setup;
  setup.model = model_;
  setup.batch_tokens = settings_.batch_tokens;
  setup.indexes = true;
  setup.database_url = database_->worker_conninfo();
  if (const char* password = std::getenv("PGPASSWORD")) setup.database_password = password;
  setup.root = repository_.root.string();
  for (const auto& folder : repository_.object_folders)
    setup.object_folders.push_back(folder.string());
  setup.repository_id = ledger_->repository_id();
  setup.model_id = ledger_->model_id();
  setup.run_id = ledger_->run_id();
  // Both end before the file's deadline ends the worker: a lock is somebody else's doing, for which
  // no file is to blame, and a file that does not parse has failed, which costs nobody else a
  // thing.
  const std::uint64_t before_timeout_ms =
      std::min<std::uint64_t>(30'000, settings_.file_timeout * 500ull);
  setup.lock_timeout_ms = before_timeout_ms;
  setup.parse_deadline_ms = before_timeout_ms;
  setup.recipe = recipe_;
  setup.max_file_bytes = settings_.max_file_size;
  return setup;
}

/// Jobs came back: other workers may have time for them.
void IndexRun::orphaned(unsigned worker, const std::vector<JobSender::Held>& held,
                        const Blame& blame) {
  for (unsigned count = dispatcher_->take_back(worker, held, blame); count > 0; --count)
    pool_->file_quarantined();
  if (dispatcher_->done()) return pool_->drain();
  for (unsigned other = 0; other < pool_->places(); ++other)
    if (pool_->ready(other)) dispatcher_->fill(*pool_, other);
}

/// The limit that a quarantined file has met, where a higher one may let it pass.
std::uint64_t IndexRun::limit_behind(std::string_view reason) const {
  if (reason == name(Fault::kTimedOut)) return settings_.file_timeout;
  return reason == name(Fault::kOutOfMemory) ? memory_per_worker_ : 0;
}

void IndexRun::finished(unsigned worker, const Job& job, const Outcome& outcome) {
  accounting_.record(job, outcome);
  progress_->finished(worker, job, outcome, Clock::now());
  watch_->file_finished();
  // Indexed and empty files were stored by the worker, in the file's own transaction.
  if (outcome.state == FileState::kIndexed || outcome.state == FileState::kEmpty) return;
  FileRecord record = record_of(job, outcome, recipe_);
  if (outcome.state == FileState::kQuarantined)
    record.refused_limit = job.verdict ? job.verdict->limit : limit_behind(outcome.reason);
  note(std::move(record));
}

void IndexRun::workers_failed(Error error) {
  if (!error_) error_ = std::move(error);
  pool_->drain();
}

void IndexRun::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) interrupted(signal);
  });
}

/// Notices signals while the loop is not running.
void IndexRun::poll_signals() {
  context_.poll();
  context_.restart();
}

/// The first signal drains: workers finish what they have taken. The second one ends them.
void IndexRun::interrupted(int signal) {
  const bool again = signal_ != 0;
  signal_ = signal;
  await_signal();
  if (!pool_) return;
  if (again) {
    pool_->kill("interrupted twice");
  } else {
    log_info("draining", {{"signal", ::strsignal(signal)}});
    pool_->drain();
  }
}

void IndexRun::tick() {
  for (unsigned worker = 0; worker < pool_->places(); ++worker) {
    const auto id = pool_->active(worker);
    const Job* job = id ? dispatcher_->in_hand(*id) : nullptr;
    progress_->working_on(worker, job ? std::string_view(job->path) : std::string_view());
  }
  progress_->tick(Clock::now());
  flush_when_due();
  ticking_.expires_after(Progress::tick_interval());
  ticking_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void IndexRun::flush_when_due() {
  if (watch_->waiting()) return;
  auto flushed = ledger_->flush_when_due();
  if (flushed) return;
  if (flushed.error().code == ErrorCode::kDatabaseLost)
    watch_->lost(flushed.error());
  else
    workers_failed(flushed.error());
}

Result<void> IndexRun::finish() {
  poll_signals();
  if (signal_) return {};
  if (auto complete = accounting_.check_complete(); !complete) return complete;
  if (auto passed = fault::point("run.finished"); !passed) return passed;
  phase("index build");
  auto built =
      insist([this] { return ledger_->build_vector_index(model_.dimension, kExactScanVectors); });
  if (!built) return built.error();
  facts_.seconds.index_build = built->value_or(0);
  return {};
}

/// Prints for a person. Standard output is the report's where the user asked for it there.
void IndexRun::print(const std::string& text) {
  auto written = write_output(text, settings_.report == "-" ? stderr : stdout);
  if (!written && !error_) error_ = written.error();
}

Result<void> IndexRun::report() {
  facts_.repository = ledger_->repository_name();
  facts_.root = repository_.root.string();
  facts_.head = repository_.head;
  facts_.status = error_    ? RunStatus::kPartial
                  : signal_ ? RunStatus::kInterrupted
                            : RunStatus::kComplete;
  facts_.seconds.total = seconds_since(started_);
  facts_.memory.supervisor_peak_rss_bytes = peak_rss_bytes();
  const nlohmann::ordered_json json = report_json(facts_, accounting_);
  print(summary_text(facts_, accounting_, settings_.verbosity));
  if (auto passed = fault::point("report.write"); !passed) return passed;
  const auto end_run = [&] {
    const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return ledger_->finish_run(std::string(name(facts_.status)), text, repository_.head);
  };
  auto ended = error_ ? end_run() : insist(end_run);
  if (!settings_.report.empty())
    if (auto written = write_report(settings_.report, report_text(json)); !written) return written;
  return ended;
}

}  // namespace forkdex
