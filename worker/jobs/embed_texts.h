#pragma once

// Texts of the repository: those that a job names by their hashes are read from the database,
// embedded, and their vectors stored in one transaction. One thread.
//
// Killed at any point, it leaves the vectors of a whole job or none; done twice, the same ones.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/jobs/embed_texts.h"
#include "worker/job_handler.h"
#include "worker/jobs/embedding_model.h"
#include "worker/store/vector_store.h"

namespace forkdex {

class EmbedTextsHandler final : public JobHandler {
 public:
  /// By source, what embeds the texts that stand there.
  struct Models {
    std::optional<EmbeddingModel> code;
    std::optional<EmbeddingModel> text;
    std::optional<EmbeddingModel> message;
  };

  /// REQUIRES that `receiver` outlives this, and the connection of `store`.
  EmbedTextsHandler(JobReceiver& receiver, VectorStore store, Models models)
      : receiver_(receiver), store_(std::move(store)), models_(std::move(models)) {}

  /// Embeds the texts that have no vector yet, at once: the texts of one job are a group. What the
  /// database refuses fails the job.
  Result<void> take(JobReceiver::Taken taken) override;

 private:
  const std::optional<EmbeddingModel>& model_of(TextSource source) const;
  Result<void> embed_missing(std::uint32_t slot, const EmbedTexts& wanted, EmbedTextsResult& result,
                             StageTimes& times);
  Result<std::vector<Sha256>> missing(std::int64_t model_id, std::span<const Sha256> hashes);
  Result<void> embed(std::uint32_t slot, const EmbeddingModel& model,
                     std::span<const std::string> texts, std::span<float> vectors,
                     EmbedTextsResult& result);

  JobReceiver& receiver_;
  VectorStore store_;
  Models models_;
};

}  // namespace forkdex
