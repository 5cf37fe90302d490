#include "worker/jobs/embed_texts.h"

#include <chrono>
#include <cstddef>

#include "common/base/clock.h"
#include "common/error/fault.h"

namespace forkdex {

Result<void> EmbedTextsHandler::take(JobReceiver::Taken taken) {
  const auto start = std::chrono::steady_clock::now();
  const auto wanted = embed_texts(taken.job.payload);
  if (!wanted || !model_of(wanted->source)) return unreadable_payload();
  if (auto passed = fault::point("worker.take"); !passed) return passed;
  Outcome outcome;
  EmbedTextsResult result;
  if (auto done = embed_missing(taken.slot, *wanted, result, outcome.times); !done) {
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

const std::optional<EmbeddingModel>& EmbedTextsHandler::model_of(TextSource source) const {
  switch (source) {
    case TextSource::kCode:
      return models_.code;
    case TextSource::kText:
      return models_.text;
    case TextSource::kMessage:
      break;
  }
  return models_.message;
}

Result<void> EmbedTextsHandler::embed_missing(std::uint32_t slot, const EmbedTexts& wanted,
                                              EmbedTextsResult& result, StageTimes& times) {
  const EmbeddingModel& model = *model_of(wanted.source);
  // Where the database does not answer, no text is to blame: as where a file is stored.
  receiver_.enter(slot, Stage::kStore);
  auto hashes = missing(model.id, wanted.hashes);
  if (!hashes) return hashes.error();
  if (auto passed = fault::point("texts.read"); !passed) return passed;
  auto found = store_.texts(wanted.source, *hashes);
  if (!found) return found.error();
  const std::size_t dimension = model.embedder->dimension();
  std::vector<float> values(found->texts.size() * dimension);
  {
    CpuTimer timer(times.embed);
    if (auto embedded = embed(slot, model, found->texts, values, result); !embedded)
      return embedded;
  }
  receiver_.enter(slot, Stage::kStore);
  std::vector<StoredVector> vectors;
  for (std::size_t i = 0; i < found->texts.size(); ++i)
    vectors.emplace_back(found->hashes[i],
                         std::span<const float>(values).subspan(i * dimension, dimension));
  if (auto passed = fault::point("texts.store"); !passed) return passed;
  CpuTimer timer(times.store);
  if (!vectors.empty())
    if (auto stored = store_.store(model.id, vectors); !stored) return stored;
  result.embedded = static_cast<std::uint32_t>(vectors.size());
  return fault::point("texts.stored");
}

Result<std::vector<Sha256>> EmbedTextsHandler::missing(std::int64_t model_id,
                                                       std::span<const Sha256> hashes) {
  auto known = store_.known(model_id, hashes);
  if (!known) return known.error();
  std::vector<Sha256> missing;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (!(*known)[i]) missing.push_back(hashes[i]);
  return missing;
}

Result<void> EmbedTextsHandler::embed(std::uint32_t slot, const EmbeddingModel& model,
                                      std::span<const std::string> texts, std::span<float> vectors,
                                      EmbedTextsResult& result) {
  if (texts.empty()) return {};
  receiver_.enter(slot, Stage::kEmbed);
  PrefixedTexts prefixed(model.prefix);
  for (const std::string& text : texts) {
    if (auto passed = fault::point("texts.embed", text); !passed) return passed;
    prefixed.add(text);
  }
  return model.embedder->embed(prefixed.views(), vectors, result.tokens,
                               [&](auto) { receiver_.enter(slot, Stage::kEmbed); });
}

}  // namespace forkdex
