#include "supervisor/run/phases/files_phase.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/path_text.h"
#include "common/error/fault.h"
#include "supervisor/fleet/blame.h"
#include "supervisor/run/file_job.h"
#include "supervisor/run/file_records.h"
#include "supervisor/terminal/log.h"

namespace forkdex {

using Clock = std::chrono::steady_clock;

Result<JobQueue> FilesPhase::next_jobs() {
  if (!planned_) {
    const auto start = Clock::now();
    auto known = books_.ledger.known_files();
    if (!known) return known.error();
    if (auto done = plan(*known); !done) return done.error();
    planned_ = true;
    scan_seconds_ = seconds_since(start);
    warn_of_nothing();
    warn_of_unmet();
    if (auto passed = fault::point("run.planned"); !passed) return passed.error();
  }
  if (handed_out_at_) files_seconds_ = seconds_since(*std::exchange(handed_out_at_, {}));
  if (auto flushed = books_.ledger.flush(); !flushed) return flushed.error();
  if (error_) return *error_;
  if (jobs_.empty()) return JobQueue();
  if (auto begun = books_.ledger.begin_chunks(); !begun) return begun.error();
  handed_out_at_ = Clock::now();
  return std::exchange(jobs_, JobQueue());
}

/// Lists, merges with what is known, and settles every file that needs no worker.
Result<void> FilesPhase::plan(KnownFiles& known) {
  rules_.listed_at_ns = wall_clock_ns();
  if (!books_.scope.whole())
    rules_.in_scope = [this](std::string_view path) { return books_.scope.holds(path); };
  Planner planner(
      rules_, [&] { return known.next(); }, [this](Decided&& file) { decided(std::move(file)); });
  Result<void> merged;
  auto listed = list_files(books_.repository, [&](ListedFile&& file) {
    if (merged) merged = planner.take(std::move(file));
  });
  if (!listed) return listed;
  if (!merged) return merged;
  auto jobs = planner.finish();
  if (!jobs) return jobs.error();
  jobs_ = *std::move(jobs);
  books_.accounting.expect(jobs_.size(), jobs_.bytes());
  return {};
}

void FilesPhase::decided(Decided&& file) {
  if (file.verdict.state != FileState::kRemoved) books_.accounting.expect(1);
  books_.accounting.record(file.path, file.verdict, file.facts.language, file.chunks);
  if (file.row_is_current) return;
  // A lost database ends nothing: the record is kept, and written when it is back.
  auto noted = books_.ledger.record(record_of(std::move(file), recipe_));
  if (!noted && !traits(noted.error().code).database_away && !error_) error_ = noted.error();
}

Result<void> FilesPhase::finished(unsigned worker, const Job& job, const Outcome& outcome) {
  FinishedFile file = finished_file(job, outcome);
  books_.accounting.record(file);
  books_.progress.finished(worker, file, Clock::now());
  // Indexed and empty files were stored by the worker, in the file's own transaction.
  const FileState state = file.verdict.state;
  if (state == FileState::kIndexed || state == FileState::kEmpty) return {};
  return books_.ledger.record(record_of(std::move(file), recipe_, limit_behind(outcome.reason)));
}

/// The limit that a file quarantined for `reason` has met, where a higher one may let it pass.
std::uint64_t FilesPhase::limit_behind(std::string_view reason) const {
  if (reason == name(Fault::kTimedOut)) return rules_.file_timeout_seconds;
  return reason == name(Fault::kOutOfMemory) ? rules_.memory_per_worker_bytes : 0;
}

void FilesPhase::contribute(RunFacts& facts) const {
  facts.seconds.scan = scan_seconds_;
  facts.seconds.files = handed_out_at_ ? seconds_since(*handed_out_at_) : files_seconds_;
}

/// A run that finds nothing is seldom what was meant.
void FilesPhase::warn_of_nothing() const {
  const RunScope& scope = books_.scope;
  const Accounting& accounting = books_.accounting;
  if (accounting.total() == 0) {
    if (scope.shard()) return;  // one in many may well be empty
    if (scope.lists_nothing()) {
      log_warning("run.nothing_to_index", {{"reason", "--files-from names no file"}});
      return;
    }
    if (scope.is_list()) return;  // what it names and is not there has a warning of its own
    log_warning(
        "run.nothing_to_index",
        {{"reason", "no file was found in " + escape_path(books_.repository.root.string())}});
  } else if (accounting.excluded() == accounting.total()) {
    log_warning(
        "run.nothing_to_index",
        {{"reason", fmt::format("--include, --exclude and --languages leave none of {} files",
                                accounting.total())}});
  }
}

/// A path of the list that the repository does not have is neither found nor lost: it has no state.
void FilesPhase::warn_of_unmet() const {
  const RunScope::Unmet unmet = books_.scope.unmet();
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

}  // namespace forkdex
