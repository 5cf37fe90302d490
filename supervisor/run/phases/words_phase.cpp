#include "supervisor/run/phases/words_phase.h"

#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/jobs/merge_words.h"
#include "common/pg/retry.h"
#include "supervisor/database/word_segments.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// About what reading a chunk's words costs, for the order of jobs.
constexpr std::uint64_t kBytesPerChunk = 1024;

}  // namespace

Result<JobQueue> WordsPhase::next_jobs() {
  if (std::exchange(planned_, false)) {
    auto unlocked = unlock_word_merge(connection_, options_.repository_id);
    return unlocked ? Result<JobQueue>(JobQueue()) : unlocked.error();
  }
  auto jobs = retried(connection_, [this] { return lock_and_plan(); });
  if (jobs || traits(jobs.error().code).database_away) return jobs;
  log_warning("words.not_merged", {{"reason", jobs.error().text()}});
  return JobQueue();
}

/// Makes the jobs under a lock that stays while there are any. A run over another shard may have
/// it.
Result<JobQueue> WordsPhase::lock_and_plan() {
  const auto locked = lock_word_merge(connection_, options_.repository_id);
  if (!locked) return locked.error();
  if (!*locked) return JobQueue();
  auto jobs = plan();
  planned_ = jobs.ok() && !jobs->empty();
  if (planned_ || !connection_.alive()) return jobs;
  const auto unlocked = unlock_word_merge(connection_, options_.repository_id);
  return jobs && !unlocked ? unlocked.error() : std::move(jobs);
}

Result<JobQueue> WordsPhase::plan() {
  if (auto passed = fault::point("words.plan"); !passed) return passed.error();
  const auto ranges = word_ranges(connection_, options_.repository_id, !options_.changed);
  if (!ranges) return ranges.error();
  JobQueue jobs;
  std::uint64_t id = 0;
  for (const WordMerge& merge : merges_of(*ranges)) {
    Job job;
    job.id = id++;
    job.kind = JobKind::kMergeWords;
    job.label = fmt::format("the words of {} chunks", merge.chunks);
    job.cost = merge.chunks * kBytesPerChunk;
    job.payload = encode(merge.job);
    if (auto added = jobs.add(job); !added) return added.error();
  }
  return jobs;
}

void WordsPhase::contribute(RunFacts& facts) const {
  facts.seconds.words = seconds_since(started_);
}

Result<void> WordsPhase::finished(unsigned, const Job& job, const Outcome& outcome) {
  accounting_.add_times(outcome.times);
  if (outcome.end == JobEnd::kDone) return {};
  log_warning("words.not_merged",
              {{"what", job.label}, {"reason", outcome.reason}, {"detail", outcome.detail}});
  return {};
}

}  // namespace forkdex
