#pragma once

// Commit messages: those that the job names by their hashes are read from the database, embedded,
// and their vectors stored in one transaction. One thread.
//
// Killed at any point, it leaves the vectors of a whole job or none; done twice, the same ones.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/jobs/embed_messages.h"
#include "worker/job_handler.h"
#include "worker/jobs/embedding_model.h"
#include "worker/store/file_store.h"

namespace forkdex {

class EmbedMessagesHandler final : public JobHandler {
 public:
  /// REQUIRES that `store` and `receiver` outlive this.
  EmbedMessagesHandler(JobReceiver& receiver, FileStore& store, EmbeddingModel model)
      : receiver_(receiver), store_(store), model_(std::move(model)) {}

  /// Embeds the messages that have no vector yet, at once: the messages of one job are a group.
  /// What the database refuses fails the job.
  Result<void> take(JobReceiver::Taken taken) override;

 private:
  Result<void> embed_missing(std::uint32_t slot, std::span<const Sha256> all,
                             EmbedMessagesResult& result, StageTimes& times);
  Result<std::vector<Sha256>> missing(std::span<const Sha256> hashes);
  Result<void> embed(std::uint32_t slot, const std::vector<std::string>& texts,
                     std::vector<float>& vectors, EmbedMessagesResult& result);

  JobReceiver& receiver_;
  FileStore& store_;
  EmbeddingModel model_;
};

}  // namespace forkdex
