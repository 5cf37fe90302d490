#include "supervisor/run/index_run.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/path_text.h"
#include "common/error/fault.h"
#include "supervisor/fleet/sizing.h"
#include "supervisor/installation/locations.h"
#include "supervisor/run/file_records.h"
#include "supervisor/run/output/summary.h"
#include "supervisor/run/recipe.h"
#include "supervisor/run/signal_count.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

// Up to this many vectors an exact scan answers in well under a second, and loading without an
// index is a hundred times faster (docs/benchmarks.md).
constexpr std::int64_t kExactScanVectors = 50'000;

}  // namespace

Result<RunEnd> IndexRun::run() {
  // First of all: a signal must not end us between starting a server and owning it.
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  // nohup(1) has it ignored.
  struct sigaction hangup{};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    signals_.add(SIGHUP);
  for (const int signal : {SIGINT, SIGTERM}) count_signal(signal);
  await_signal();
  if (auto opened = open(); !opened) {
    if (signal_) return RunEnd{kExitOk, signal_};  // while something was waited for
    return opened.error();
  }
  print(opening_text(ledger_->repository_name(), repository_.root.string(), ledger_->moved_from(),
                     database_->description(), workers_, models_, settings_.precision,
                     settings_.verbosity));
  progress_ = make_progress(settings_, accounting_, STDERR_FILENO, Clock::now());
  auto done = plan();
  if (done) done = work();
  if (done) done = collect_commits();
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
  rules.memory_is_chosen = !settings_.memory_per_worker;
  rules.max_file_bytes = settings_.max_file_size;
  rules.include = settings_.include;
  rules.exclude = settings_.exclude;
  rules.languages = settings_.languages;
  rules.listed_at_ns = wall_clock_ns();
  if (!scope_.whole())
    rules.in_scope = [this](std::string_view path) { return scope_.holds(path); };
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
  accounting_.expect(jobs_.size(), jobs_.bytes());
  facts_.seconds.scan = seconds_since(start);
  warn_of_nothing();
  warn_of_unmet();
  if (auto passed = fault::point("run.planned"); !passed) return passed;
  return insist([this] { return ledger_->flush(); });
}

/// A run that finds nothing is seldom what was meant.
void IndexRun::warn_of_nothing() const {
  if (accounting_.total() == 0) {
    if (scope_.shard()) return;  // one in many may well be empty
    if (scope_.lists_nothing()) {
      log_warning("run.nothing_to_index", {{"reason", "--files-from names no file"}});
      return;
    }
    if (scope_.is_list()) return;  // what it names and is not there has a warning of its own
    log_warning("run.nothing_to_index",
                {{"reason", "no file was found in " + escape_path(repository_.root.string())}});
  } else if (accounting_.excluded() == accounting_.total()) {
    log_warning(
        "run.nothing_to_index",
        {{"reason", fmt::format("--include, --exclude and --languages leave none of {} files",
                                accounting_.total())}});
  }
}

/// A path of the list that the repository does not have is neither found nor lost: it has no state.
void IndexRun::warn_of_unmet() const {
  const RunScope::Unmet unmet = scope_.unmet();
  if (unmet.count == 0) return;
  std::string names;
  for (const std::string& path : unmet.some)
    names += (names.empty() ? "" : ", ") + escape_path(path);
  if (unmet.count > unmet.some.size()) names += ", …";
  log_warning("files_from.not_in_repository",
              {{"count", unmet.count},
               {"paths", names},
               {"reason",
                "--files-from names paths that are not files of the repository, ignored by it "
                "perhaps"}});
}

void IndexRun::decided(Decided&& file) {
  if (file.verdict.state != FileState::kRemoved) accounting_.expect(1);
  accounting_.record(file.path, file.verdict, file.facts.language, file.chunks);
  if (file.row_is_current) return;
  // A lost database ends nothing: the record is kept, and written when it is back.
  auto noted = ledger_->record(record_of(std::move(file), recipe_));
  if (!noted && !traits(noted.error().code).database_away && !error_) error_ = noted.error();
}

void IndexRun::phase(std::string_view name) {
  phase_ = name;
  progress_->phase(name, Clock::now());
}

DatabaseWatch::Events IndexRun::database_events() {
  DatabaseWatch::Events events;
  events.lost = [this] {
    progress_->phase("waiting for the database", Clock::now());
    if (files_) files_->pause();
  };
  events.back = [this] {
    phase(phase_);
    if (files_) files_->resume(database_->worker_conninfo());
  };
  events.gone = [this](Error error) {
    if (files_) files_->fail(std::move(error));
  };
  return events;
}

Result<void> IndexRun::work() {
  poll_signals();
  if (error_) return *error_;
  if (jobs_.empty() || signal_) return {};
  const auto start = Clock::now();
  phase("");
  auto done = run_workers(std::move(jobs_));
  facts_.seconds.files = seconds_since(start);
  return done ? insist([this] { return ledger_->flush(); }) : done;
}

Result<void> IndexRun::run_workers(JobQueue jobs) {
  context_.restart();
  FilePhase::Run run{context_, settings_, *ledger_, *watch_, accounting_, *progress_, *memory_, {}};
  run.messages_finished = [this](const Job& job, const Outcome& outcome) {
    commits_->finished(job, outcome);
    progress_->phase(commits_->progress(), Clock::now());
  };
  files_ = std::make_unique<FilePhase>(run, worker_setup(), std::move(jobs), workers_,
                                       memory_per_worker_);
  auto done = files_->run();
  const WorkerPool::Counts counts = files_->counts();
  facts_.workers.count = std::max<std::uint64_t>(facts_.workers.count, counts.places);
  facts_.workers.started += counts.started;
  facts_.workers.crashed += counts.crashed;
  facts_.workers.out_of_memory += counts.out_of_memory;
  facts_.workers.timed_out += counts.timed_out;
  facts_.workers.recycled += counts.recycled;
  facts_.seconds.worker_idle += to_seconds(counts.idle);
  facts_.memory.workers_peak_pss_bytes =
      std::max(facts_.memory.workers_peak_pss_bytes, counts.peak_pss_bytes);
  return done;
}

Result<void> IndexRun::collect_commits() {
  if (settings_.no_commits || signal_) return {};
  const auto start = Clock::now();
  phase("commits");
  CommitPhase::Options options;
  options.repository_id = ledger_->repository_id();
  options.model_id = ledger_->model_ids()[message_view(models_)];
  options.full = settings_.full;
  options.retry_failed = settings_.retry_failed;
  options.shard = scope_.shard();
  options.keep_going = [this] {
    poll_signals();
    return signal_ == 0;
  };
  commits_.emplace(database_->connection(), std::move(options));
  auto done = insist([this] { return commits_->walk(repository_); });
  if (done) done = embed_messages();
  const CommitPhase::Counts counts = commits_->counts();
  facts_.commits = {counts.written, counts.embedded, counts.failed, counts.refused};
  facts_.seconds.commits = seconds_since(start);
  return done;
}

Result<void> IndexRun::embed_messages() {
  while (!signal_) {
    auto jobs = insist([this] { return commits_->next_jobs(); });
    if (!jobs) return jobs.error();
    if (jobs->empty() || signal_) return {};
    if (auto done = run_workers(*std::move(jobs)); !done) return done;
    poll_signals();
  }
  return {};
}

WorkerSetup IndexRun::worker_setup() const {
  WorkerSetup setup;
  setup.models = models_;
  WorkerTuning& tuning = setup.tuning;
  tuning = worker_tuning(settings_);
  tuning.parses = true;
  IndexingSetup& indexing = setup.indexing.emplace();
  indexing.database_url = database_->worker_conninfo();
  if (const char* password = std::getenv("PGPASSWORD")) indexing.database_password = password;
  indexing.root = repository_.root.string();
  for (const auto& folder : repository_.object_folders)
    indexing.object_folders.push_back(folder.string());
  indexing.repository_id = ledger_->repository_id();
  indexing.model_ids = ledger_->model_ids();
  indexing.run_id = ledger_->run_id();
  // Both end before the file's deadline ends the worker: a lock is somebody else's doing, for which
  // no file is to blame, and a file that does not parse has failed, which costs nobody else a
  // thing.
  const std::uint64_t before_timeout_ms =
      std::min<std::uint64_t>(30'000, settings_.file_timeout * 500ull);
  indexing.lock_timeout_ms = before_timeout_ms;
  tuning.parse_deadline_ms = before_timeout_ms;
  indexing.recipe = recipe_;
  indexing.max_file_bytes = settings_.max_file_size;
  return setup;
}

void IndexRun::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) interrupted(signal);
  });
}

/// Notices signals while the loop is not running.
void IndexRun::poll_signals() {
  context_.restart();  // once a phase has stopped the loop, poll() would run nothing
  context_.poll();
}

/// The first signal drains: workers finish what they have taken. The second one ends them, and the
/// wait for a database that stands still (signals_seen); the third ends us.
void IndexRun::interrupted(int signal) {
  const bool again = signal_ != 0;
  signal_ = signal;
  await_signal();
  if (!files_) return;
  if (again) {
    files_->kill();
  } else {
    log_info("draining", {{"signal", ::strsignal(signal)}});
    files_->drain();
  }
}

/// Minutes may pass without a word from the server; a signal cancels it, and the next run builds.
Result<std::optional<double>> IndexRun::build_vector_indexes() {
  PgConnection& connection = database_->connection();
  Patience usual = connection.patience();
  connection.set_patience({{}, [] { return signals_seen() == 0; }});
  auto built = ledger_->build_vector_indexes(models_, kExactScanVectors);
  connection.set_patience(std::move(usual));
  return built;
}

/// What this run and those before it have left without need. A run that changed nothing leaves it
/// to another.
Result<void> IndexRun::collect_vectors() {
  const bool changed = accounting_.in(FileState::kUnchanged) < accounting_.total() ||
                       accounting_.in(FileState::kRemoved) > 0;
  if (!changed || signal_) return {};
  const auto collected = insist(
      [this] { return ledger_->collect_vectors(std::chrono::days(settings_.keep_vectors)); });
  if (!collected) return collected.error();
  if (collected->value_or(0) > 0) log_info("vectors.collected", {{"vectors", **collected}});
  return {};
}

Result<void> IndexRun::finish() {
  poll_signals();
  if (signal_) return {};
  if (auto complete = accounting_.check_complete(); !complete) return complete;
  if (auto passed = fault::point("run.finished"); !passed) return passed;
  phase("index build");
  auto built = insist([this] { return build_vector_indexes(); });
  poll_signals();
  if (!built && signal_) return {};
  if (!built) return built.error();
  facts_.seconds.index_build = built->value_or(0);
  return collect_vectors();
}

/// Prints for a person. Standard output is the report's where the user asked for it there.
void IndexRun::print(const std::string& text) {
  auto written = write_output(text, settings_.report == "-" ? stderr : stdout);
  if (!written && !error_) error_ = written.error();
}

/// What could not be indexed, as the database has it; where that does not answer, what is at hand.
ProblemList IndexRun::list_problems() {
  if (accounting_.not_indexed() == 0) return {};
  const auto read = [this] { return ProblemList::read(*ledger_, scope_); };
  auto problems = error_ ? read() : insist(read);
  if (problems) return *std::move(problems);
  log_warning("report.problems_cut_short", {{"reason", problems.error().text()}});
  return ProblemList::of(accounting_.problems());
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
  const ProblemList problems = list_problems();
  const auto end_run = [&] {
    return ledger_->finish_run(std::string(name(facts_.status)), report_for_row(json, problems),
                               repository_.head);
  };
  auto ended = error_ ? end_run() : insist(end_run);
  if (!settings_.report.empty())
    if (auto written = write_report(settings_.report, report_pieces(json, problems)); !written)
      return written;
  return ended;
}

}  // namespace forkdex
