#include "supervisor/run/phases/words_phase.h"

#include <fmt/format.h>

#include "common/error/fault.h"
#include "common/jobs/merge_words.h"
#include "supervisor/database/word_segments.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// About what reading a chunk's words costs, for the order of jobs.
constexpr std::uint64_t kBytesPerChunk = 1024;

}  // namespace

Result<JobQueue> WordsPhase::next_jobs() {
  if (planned_) {
    auto unlocked = unlock_word_merge(connection_, options_.repository_id);
    return unlocked ? Result<JobQueue>(JobQueue()) : unlocked.error();
  }
  const auto locked = lock_word_merge(connection_, options_.repository_id);
  if (!locked) return locked.error();
  if (!*locked) return JobQueue();  // a run over another shard is at it
  auto jobs = plan();
  planned_ = jobs.ok() && !jobs->empty();
  if (!planned_)
    if (auto unlocked = unlock_word_merge(connection_, options_.repository_id); !unlocked && jobs)
      return unlocked.error();
  return jobs;
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
    job.cost_bytes = merge.chunks * kBytesPerChunk;
    job.payload = encode(merge.job);
    if (auto added = jobs.add(job); !added) return added.error();
  }
  return jobs;
}

Result<void> WordsPhase::finished(unsigned, const Job& job, const Outcome& outcome) {
  if (outcome.end == JobEnd::kDone) return {};
  log_warning("words.not_merged",
              {{"what", job.label}, {"reason", outcome.reason}, {"detail", outcome.detail}});
  return {};
}

}  // namespace forkdex
