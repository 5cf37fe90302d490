#include "supervisor/run/run.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/pg/retry.h"
#include "supervisor/fleet/sizing.h"
#include "supervisor/installation/locations.h"
#include "supervisor/run/phases/commit_phase.h"
#include "supervisor/run/phases/files_phase.h"
#include "supervisor/run/phases/vectors_phase.h"
#include "supervisor/run/phases/words_phase.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

/// Adds what the workers of a run have done to its report.
void contribute(const WorkerPool::Counts& counts, RunFacts& facts) {
  facts.workers = {counts.places,        counts.started,   counts.crashed,
                   counts.out_of_memory, counts.timed_out, counts.recycled};
  facts.seconds.worker_idle = to_seconds(counts.idle);
  facts.memory.workers_peak_pss_bytes = counts.peak_pss_bytes;
}

}  // namespace

Run::Run(const RunEnvironment& environment, const Settings& settings, std::filesystem::path path,
         Events events)
    : environment_(environment),
      settings_(settings),
      events_(std::move(events)),
      source_(std::move(path), settings_, source_events()) {}

Result<Run::End> Run::run() {
  if (auto opened = open(); !opened) {
    if (stops_ > 0) return End{.interrupted = true};  // while something was waited for
    return opened.error();
  }
  auto done = begin();
  if (done) done = work();
  // Interrupted while the database was away, the run is interrupted.
  if (!done && stops_ == 0) error_ = done.error();
  progress_->end(Clock::now());
  if (auto reported = report(); !reported && !error_ && stops_ == 0) error_ = reported.error();
  if (error_) return *error_;
  return End{stops_ > 0, accounting_.not_indexed(), facts_.texts.chunks_failed};
}

/// Makes progress and job runner, and tells that the run is open.
Result<void> Run::begin() {
  progress_ = events_.progress(accounting_);
  runner_.emplace(JobRunner::Environment{environment_.context, *watch_, *progress_}, fleet(),
                  settings_.in_flight, [this] { show(); });
  return events_.opened({ledger_->repository_name(), repository_.root.string(),
                         ledger_->moved_from(), database_->description(), workers_, models_,
                         !settings_.no_vectors});
}

Result<void> Run::work() {
  auto done = phases_of_workers();
  const auto ended = runner_->end();
  contribute(runner_->counts(), facts_);
  if (done) done = ended;
  if (!done || stopped()) return done;
  return finish();
}

/// Files and their words first, so that they are found while the rest goes on.
Result<void> Run::phases_of_workers() {
  // Before the first phase notes what is done.
  const auto lift = [this] {
    PgConnection& connection = database_->connection();
    return retried(connection,
                   [&] { return forget_refused_texts(connection, text_scope(), text_limits()); });
  };
  if (!settings_.no_vectors)
    if (auto lifted = insist(lift); !lifted) return lifted;
  FilesPhase files({repository_, scope_, *ledger_, accounting_, *progress_}, plan_rules());
  if (auto done = run_phase(files); !done || stopped()) return done;
  if (auto complete = accounting_.check_complete(); !complete) return complete;
  files_done_ = true;
  WordsPhase words(database_->connection(), accounting_,
                   {.repository_id = ledger_->repository_id(), .changed = changed()});
  if (auto done = run_phase(words); !done || stopped()) return done;
  if (!settings_.no_commits) {
    CommitPhase::Options options;
    options.repository = repository_;
    options.repository_id = ledger_->repository_id();
    options.full = settings_.full;
    options.keep_going = [this] { return !stopped() && !runner_->error(); };
    CommitPhase commits(database_->connection(), std::move(options));
    if (auto done = run_phase(commits); !done || stopped()) return done;
  }
  TextsPhase texts(*ledger_, database_->connection(), accounting_, this->texts());
  return run_phase(texts);
}

Result<void> Run::finish() {
  if (auto passed = fault::point("run.finished"); !passed) return passed;
  VectorsPhase::Options options;
  if (!settings_.no_vectors) options.models = text_scope().models();
  options.build = !environment_.awaited;
  options.keep_vectors = std::chrono::days(settings_.keep_vectors);
  options.changed = changed();
  options.keep_going = [this] { return environment_.stops_seen() == 0 && stops_ == 0; };
  VectorsPhase vectors(*ledger_, database_->connection(), std::move(options));
  auto done = run_phase(vectors);
  // A request to stop cancels the building.
  return stopped() ? Result<void>() : done;
}

/// Whether any file was not as it was.
bool Run::changed() const {
  return accounting_.in(FileState::kUnchanged) < accounting_.total() ||
         accounting_.in(FileState::kRemoved) > 0;
}

Result<void> Run::run_phase(Phase& phase) {
  phase_ = &phase;
  auto done = run_jobs_of(phase);
  phase.contribute(facts_);
  phase_ = nullptr;
  return done;
}

Result<void> Run::run_jobs_of(Phase& phase) {
  while (!stopped()) {
    show();
    auto jobs = insist([&] { return phase.next_jobs(); });
    if (!jobs) return jobs.error();
    if (jobs->empty() || stopped()) return {};
    show();
    if (auto done = runner_->run(*std::move(jobs), phase); !done) return done;
  }
  return {};
}

/// Shows how far the phase is, where that has changed.
void Run::show() {
  if (watch_->waiting()) return;  // that is shown
  std::string progress = phase_ ? phase_->progress() : "";
  if (progress == shown_) return;
  shown_ = std::move(progress);
  progress_->phase(shown_, Clock::now());
}

/// Lets the loop tell of requests to stop, where it is not running.
bool Run::stopped() {
  environment_.context.restart();  // once a phase has stopped the loop, poll() would run nothing
  environment_.context.poll();
  return stops_ > 0;
}

void Run::stop(const std::string& why) {
  ++stops_;
  if (!runner_) return;
  if (stops_ > 1) return runner_->kill();
  log_info("draining", {{"signal", why}});
  runner_->drain();
}

DatabaseWatch::Events Run::database_events() {
  DatabaseWatch::Events events;
  events.lost = [this] {
    shown_ = "waiting for the database";
    progress_->phase(shown_, Clock::now());
    runner_->pause();
  };
  events.back = [this] {
    show();
    runner_->resume(database_->worker_conninfo());
  };
  events.gone = [this](Error error) { runner_->fail(std::move(error)); };
  return events;
}

/// The texts that this run sees to.
TextScope Run::text_scope() const {
  TextScope scope;
  scope.repository_id = ledger_->repository_id();
  scope.model_ids = ledger_->model_ids();
  scope.message_model_id = ledger_->message_model_id();
  scope.shard = scope_.shard();
  scope.path_hashes = scope_.path_hashes();
  return scope;
}

TextLimits Run::text_limits() const {
  return {settings_.retry_failed, settings_.file_timeout, memory_per_worker_};
}

TextsPhase::Options Run::texts() const {
  TextsPhase::Options options;
  options.scope = text_scope();
  options.embeds = !settings_.no_vectors;
  options.limits = text_limits();
  const auto most_tokens = [this](View view) {
    return models_[view] ? models_[view]->max_tokens : 0;
  };
  options.sizes = {.code_tokens = most_tokens(View::kCode),
                   .text_tokens = most_tokens(View::kText),
                   .message_tokens = most_tokens(message_view(models_)),
                   .batch_tokens = settings_.batch_tokens,
                   .workers = workers_};
  return options;
}

PlanRules Run::plan_rules() const {
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
  return rules;
}

Fleet::Options Run::fleet() const {
  const std::chrono::seconds file_timeout(settings_.file_timeout);
  WorkerPool::Deadlines deadlines;
  deadlines.job = file_timeout;
  RestartPolicy::Limits restarts;
  // Faults that a deadline found come that far apart, and a kill may hit a whole fleet at once.
  restarts.window = std::max<RestartPolicy::Clock::duration>(restarts.window, 6 * file_timeout);
  restarts.elsewhere = std::max(restarts.elsewhere, 4 * static_cast<int>(workers_));
  return {.workers = {.executable = worker_executable(),
                      .setup = worker_setup(),
                      .deadlines = deadlines,
                      .policy = RestartPolicy(restarts),
                      .memory = &environment_.memory},
          .most_workers = workers_,
          .memory_per_worker = memory_per_worker_};
}

WorkerSetup Run::worker_setup() const {
  WorkerSetup setup;
  setup.models = models_;
  WorkerTuning& tuning = setup.tuning;
  tuning = worker_tuning(settings_);
  tuning.parses = true;
  IndexingSetup& indexing = setup.indexing.emplace();
  indexing.languages = settings_.languages;
  indexing.database_url = database_->worker_conninfo();
  indexing.database_password = environment_.database_password;
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

/// What could not be indexed, as the database has it; where that does not answer, what is at hand.
ProblemList Run::list_problems() {
  const bool any_refused = facts_.texts.counts && facts_.texts.counts->refused > 0;
  if (accounting_.not_indexed() == 0 && !any_refused) return {};
  const auto read = [this] { return ProblemList::read(*ledger_, scope_); };
  auto problems = error_ ? read() : insist(read);
  if (problems) return *std::move(problems);
  log_warning("report.problems_cut_short", {{"reason", problems.error().text()}});
  return ProblemList::of(accounting_.problems());
}

/// A run that did not come to its texts says how many are left, too.
Result<void> Run::count_texts_left() {
  if (facts_.texts.counts || stops_ > 1) return {};
  if (error_ && (traits(error_->code).database_away || !database_->connection().alive())) return {};
  const auto count = [this] { return count_texts(database_->connection(), text_scope()); };
  const auto counts = error_ ? count() : insist(count);
  if (!counts) return counts.error();
  facts_.texts.counts = *counts;
  if (!scope_.whole() || error_) return {};
  return insist([&] { return ledger_->note_texts(*counts, {}); });
}

Result<void> Run::report() {
  if (auto counted = count_texts_left(); !counted && !error_ && stops_ == 0)
    error_ = counted.error();
  const bool texts_done = facts_.texts.counts && facts_.texts.counts->missing == 0;
  facts_.repository = ledger_->repository_name();
  facts_.root = repository_.root.string();
  facts_.head = repository_.head;
  facts_.status = error_       ? RunStatus::kPartial
                  : stops_ > 0 ? RunStatus::kInterrupted
                  : texts_done ? RunStatus::kComplete
                               : RunStatus::kPartial;
  facts_.seconds.total = seconds_since(started_);
  facts_.memory.supervisor_peak_rss_bytes = peak_rss_bytes();
  const nlohmann::ordered_json json = report_json(facts_, accounting_);
  if (auto told = events_.ended(facts_, accounting_); !told && !error_) error_ = told.error();
  if (auto passed = fault::point("report.write"); !passed) return passed;
  const ProblemList problems = list_problems();
  const auto end_run = [&] {
    return ledger_->finish_run({.status = std::string(name(facts_.status)),
                                .report = report_for_row(json, problems),
                                .head = repository_.head,
                                .files_done = files_done_ && !error_});
  };
  auto ended = error_ ? end_run() : insist(end_run);
  if (auto written = events_.report(report_pieces(json, problems)); !written) return written;
  return ended;
}

}  // namespace forkdex
