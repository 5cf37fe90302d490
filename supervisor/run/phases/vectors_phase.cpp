#include "supervisor/run/phases/vectors_phase.h"

#include <optional>
#include <utility>

#include "common/pg/retry.h"
#include "supervisor/terminal/log.h"

namespace forkdex {

Result<JobQueue> VectorsPhase::next_jobs() {
  if (!collected_)
    if (auto done = collect(); !done) return done.error();
  collected_ = true;
  if (options_.models.empty() || !options_.keep_going()) return JobQueue();
  if (auto done = see_to_indexes(); !done) return done.error();
  return JobQueue();
}

Result<void> VectorsPhase::collect() {
  if (!options_.changed) return {};
  const auto collected = ledger_.collect_vectors(options_.keep_vectors);
  if (!collected) return collected.error();
  if (collected->value_or(0) > 0) log_info("vectors.collected", {{"vectors", **collected}});
  return {};
}

/// Minutes may pass without a word from the server; a request to stop cancels it, and the next run
/// builds.
Result<void> VectorsPhase::see_to_indexes() {
  WaitLimits usual = connection_.wait_limits();
  connection_.set_wait_limits({{}, options_.keep_going});
  const std::vector<std::int64_t> ids(options_.models.begin(), options_.models.end());
  const auto models =
      retried(connection_, [&] { return unindexed_models(connection_, kIndexedFrom, ids); });
  auto done = models ? build(*models) : Result<void>(models.error());
  connection_.set_wait_limits(std::move(usual));
  return done;
}

/// What does not come to an index is searched without one: all that the run was for is stored.
Result<void> VectorsPhase::build(const std::vector<UnindexedModel>& models) {
  for (const UnindexedModel& model : models) {
    if (!options_.build) {
      unindexed_ = true;
      continue;
    }
    const auto seconds =
        retried(connection_, [&] { return build_vector_index(connection_, model); });
    if (seconds) {
      seconds_ += seconds->value_or(0);
      continue;
    }
    if (!connection_.alive() || traits(seconds.error().code).database_away ||
        !options_.keep_going())
      return seconds.error();
    log_warning("vectors.not_indexed", {{"model", model.name}, {"reason", seconds.error().text()}});
    unindexed_ = true;
  }
  return {};
}

}  // namespace forkdex
