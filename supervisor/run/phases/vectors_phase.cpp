#include "supervisor/run/phases/vectors_phase.h"

#include <optional>
#include <utility>

#include "common/pg/retry.h"
#include "supervisor/database/vector_index.h"
#include "supervisor/terminal/log.h"

namespace forkdex {

Result<JobQueue> VectorsPhase::next_jobs() {
  if (!built_)
    if (auto done = build(); !done) return done.error();
  built_ = true;
  if (!options_.changed || !options_.keep_going()) return JobQueue();
  const auto collected = ledger_.collect_vectors(options_.keep_vectors);
  if (!collected) return collected.error();
  if (collected->value_or(0) > 0) log_info("vectors.collected", {{"vectors", **collected}});
  return JobQueue();
}

/// Minutes may pass without a word from the server; a request to stop cancels it, and the next run
/// builds.
Result<void> VectorsPhase::build() {
  const auto models =
      retried(connection_, [&] { return unindexed_models(connection_, kIndexedFrom); });
  if (!models) return models.error();
  if (!options_.build) {
    unindexed_ = !models->empty();
    return {};
  }
  WaitLimits usual = connection_.wait_limits();
  connection_.set_wait_limits({{}, options_.keep_going});
  Result<void> done;
  for (const UnindexedModel& model : *models) {
    const auto seconds =
        retried(connection_, [&] { return build_vector_index(connection_, model); });
    if (!seconds) {
      done = seconds.error();
      break;
    }
    seconds_ += seconds->value_or(0);
  }
  connection_.set_wait_limits(std::move(usual));
  return done;
}

}  // namespace forkdex
