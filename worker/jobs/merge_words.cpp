#include "worker/jobs/merge_words.h"

#include <chrono>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/jobs/merge_words.h"

namespace forkdex {

Result<void> MergeWordsHandler::take(JobReceiver::Taken taken) {
  const auto start = std::chrono::steady_clock::now();
  const auto wanted = decode<MergeWords>(taken.job.payload);
  if (!wanted) return unreadable_payload();
  if (auto passed = fault::point("worker.take"); !passed) return passed;
  Outcome outcome;
  MergeWordsResult result;
  // Not Stage::kStore, in which nobody is to blame: a merge that stands still is given up.
  const auto moved = [&] { receiver_.enter(taken.slot, Stage::kParse); };
  moved();
  {
    CpuTimer timer(outcome.times.store);
    const auto merged = store_.merge(*wanted, moved);
    if (!merged) {
      const ErrorTraits& row = traits(merged.error().code);
      if (row.radius > BlastRadius::kFile) return merged.error();
      outcome.end = JobEnd::kFailed;
      outcome.reason = row.name;
      outcome.detail = merged.error().text();
    } else {
      result.chunks = *merged;
    }
  }
  outcome.payload = encode(result);
  outcome.elapsed = std::chrono::steady_clock::now() - start;
  receiver_.finish(taken.slot, outcome);
  return {};
}

}  // namespace forkdex
