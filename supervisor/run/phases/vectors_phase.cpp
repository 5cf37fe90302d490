#include "supervisor/run/phases/vectors_phase.h"

#include <optional>
#include <utility>

#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// Up to this many vectors an exact scan answers in well under a second, and loading without an
// index is a hundred times faster (docs/benchmarks.md).
constexpr std::int64_t kExactScanVectors = 50'000;

}  // namespace

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
  WaitLimits usual = connection_.wait_limits();
  connection_.set_wait_limits({{}, options_.keep_going});
  const auto seconds = ledger_.build_vector_indexes(options_.models, kExactScanVectors);
  connection_.set_wait_limits(std::move(usual));
  if (!seconds) return seconds.error();
  seconds_ = seconds->value_or(0);
  return {};
}

}  // namespace forkdex
