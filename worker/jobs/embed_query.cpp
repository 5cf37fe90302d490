#include "worker/jobs/embed_query.h"

#include <chrono>
#include <string_view>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/jobs/embed_query.h"

namespace forkdex {

Result<void> EmbedQueryHandler::take(JobReceiver::Taken taken) {
  const auto start = std::chrono::steady_clock::now();
  const auto query = decode<EmbedQuery>(taken.job.payload);
  if (!query) return unreadable_payload();
  if (auto passed = fault::point("worker.take", query->text); !passed) return passed;
  receiver_.enter(taken.slot, Stage::kEmbed);
  const std::string text = prefix_ + query->text;
  const std::string_view texts[] = {text};
  EmbedQueryResult result;
  result.vector.resize(embedder_->dimension());
  Outcome outcome;
  {
    CpuTimer timer(outcome.times.embed);
    std::uint64_t tokens = 0;
    if (auto embedded = embedder_->embed(texts, result.vector, tokens); !embedded) return embedded;
  }
  outcome.payload = encode(result);
  outcome.elapsed = std::chrono::steady_clock::now() - start;
  receiver_.finish(taken.slot, outcome);
  return {};
}

}  // namespace forkdex
