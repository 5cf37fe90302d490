#include "worker/jobs/embed_messages.h"

#include <chrono>
#include <string_view>

#include "common/base/clock.h"
#include "common/error/fault.h"

namespace forkdex {

Result<void> EmbedMessagesHandler::take(JobReceiver::Taken taken) {
  const auto start = std::chrono::steady_clock::now();
  const auto messages = decode<EmbedMessages>(taken.job.payload);
  if (!messages) return unreadable_payload();
  if (auto passed = fault::point("worker.take"); !passed) return passed;
  Outcome outcome;
  EmbedMessagesResult result;
  if (auto done = embed_missing(taken.slot, messages->hashes, result, outcome.times); !done) {
    const ErrorTraits& row = traits(done.error().code);
    if (row.radius > BlastRadius::kFile) return done;
    outcome.end = JobEnd::kFailed;
    outcome.reason = row.name;
    outcome.detail = done.error().text();
  }
  outcome.payload = encode(result);
  outcome.elapsed = std::chrono::steady_clock::now() - start;
  receiver_.finish(taken.slot, outcome);
  return {};
}

Result<void> EmbedMessagesHandler::embed_missing(std::uint32_t slot, std::span<const Sha256> all,
                                                 EmbedMessagesResult& result, StageTimes& times) {
  // Where the database does not answer, no message is to blame: as where a file is stored.
  receiver_.enter(slot, Stage::kStore);
  auto hashes = missing(all);
  if (!hashes) return hashes.error();
  if (auto passed = fault::point("messages.read"); !passed) return passed;
  auto texts = store_.messages(*hashes);
  if (!texts) return texts.error();
  const std::size_t dimension = model_.embedder->dimension();
  std::vector<float> values(texts->size() * dimension);
  {
    CpuTimer timer(times.embed);
    if (auto embedded = embed(slot, *texts, values, result); !embedded) return embedded;
  }
  receiver_.enter(slot, Stage::kStore);
  std::vector<StoredVector> vectors;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    if ((*texts)[i].empty()) continue;  // its commits are gone
    const auto row = std::span<const float>(values).subspan(i * dimension);
    vectors.emplace_back((*hashes)[i], row.first(dimension));
  }
  result.embedded = static_cast<std::uint32_t>(vectors.size());
  result.reused = static_cast<std::uint32_t>(all.size() - hashes->size());
  if (auto passed = fault::point("messages.store"); !passed) return passed;
  CpuTimer timer(times.store);
  if (!vectors.empty())
    if (auto stored = store_.store_vectors(model_.id, vectors); !stored) return stored;
  return fault::point("messages.stored");
}

Result<std::vector<Sha256>> EmbedMessagesHandler::missing(std::span<const Sha256> hashes) {
  auto known = store_.known_vectors(model_.id, hashes);
  if (!known) return known.error();
  std::vector<Sha256> missing;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (!(*known)[i]) missing.push_back(hashes[i]);
  return missing;
}

Result<void> EmbedMessagesHandler::embed(std::uint32_t slot, const std::vector<std::string>& texts,
                                         std::vector<float>& vectors, EmbedMessagesResult& result) {
  if (texts.empty()) return {};
  receiver_.enter(slot, Stage::kEmbed);
  for (const std::string& text : texts)
    if (auto passed = fault::point("messages.embed", text); !passed) return passed;
  PrefixedTexts prefixed(model_.prefix);
  for (const std::string& text : texts) prefixed.add(text);
  return model_.embedder->embed(prefixed.views(), vectors, result.tokens,
                                [&](auto) { receiver_.enter(slot, Stage::kEmbed); });
}

}  // namespace forkdex
