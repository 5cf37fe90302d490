#include "worker/jobs/message_embedding.h"

#include <chrono>
#include <string_view>

#include "common/base/clock.h"
#include "common/error/fault.h"

namespace forkdex {

Result<Outcome> MessageEmbedding::run(const JobReceiver::Taken& taken) {
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  outcome.job_id = taken.job.id;
  outcome.state = FileState::kIndexed;
  if (auto done = embed_missing(taken, outcome); !done) {
    const ErrorTraits& row = traits(done.error().code);
    if (row.radius > BlastRadius::kFile) return done.error();
    outcome.state = FileState::kFailed;
    outcome.reason = row.name;
    outcome.detail = done.error().text();
  }
  outcome.elapsed = std::chrono::steady_clock::now() - start;
  return outcome;
}

Result<void> MessageEmbedding::embed_missing(const JobReceiver::Taken& taken, Outcome& outcome) {
  // Where the database does not answer, no message is to blame: as where a file is stored.
  receiver_.enter(taken.slot, Stage::kStore);
  auto hashes = missing(taken.job.messages);
  if (!hashes) return hashes.error();
  if (auto passed = fault::point("messages.read"); !passed) return passed;
  auto texts = store_.messages(*hashes);
  if (!texts) return texts.error();
  std::vector<float> values(texts->size() * embedder_.dimension());
  if (auto embedded = embed(taken.slot, *texts, values, outcome); !embedded) return embedded;
  receiver_.enter(taken.slot, Stage::kStore);
  std::vector<StoredVector> vectors;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    if ((*texts)[i].empty()) continue;  // its commits are gone
    const auto row = std::span<const float>(values).subspan(i * embedder_.dimension());
    vectors.emplace_back((*hashes)[i], row.first(embedder_.dimension()));
  }
  outcome.embedded = static_cast<std::uint32_t>(vectors.size());
  outcome.reused = static_cast<std::uint32_t>(taken.job.messages.size() - hashes->size());
  if (auto passed = fault::point("messages.store"); !passed) return passed;
  CpuTimer timer(outcome.store);
  if (!vectors.empty())
    if (auto stored = store_.store_vectors(model_id_, vectors); !stored) return stored;
  return fault::point("messages.stored");
}

Result<std::vector<Sha256>> MessageEmbedding::missing(std::span<const Sha256> hashes) {
  auto known = store_.known_vectors(model_id_, hashes);
  if (!known) return known.error();
  std::vector<Sha256> missing;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (!(*known)[i]) missing.push_back(hashes[i]);
  return missing;
}

Result<void> MessageEmbedding::embed(std::uint32_t slot, const std::vector<std::string>& texts,
                                     std::vector<float>& vectors, Outcome& outcome) {
  if (texts.empty()) return {};
  receiver_.enter(slot, Stage::kEmbed);
  CpuTimer timer(outcome.embed);
  for (const std::string& text : texts)
    if (auto passed = fault::point("messages.embed", text); !passed) return passed;
  std::vector<std::string> prefixed;
  if (!prefix_.empty())
    for (const std::string& text : texts) prefixed.push_back(prefix_ + text);
  const std::vector<std::string>& whole = prefix_.empty() ? texts : prefixed;
  const std::vector<std::string_view> views(whole.begin(), whole.end());
  return embedder_.embed(views, vectors, outcome.tokens,
                         [&](auto) { receiver_.enter(slot, Stage::kEmbed); });
}

}  // namespace forkdex
