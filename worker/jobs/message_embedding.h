#pragma once

// What a worker does with a job of kMessages: the commit messages that the job names by their
// hashes are read from the database, embedded, and their vectors stored in one transaction.
//
// Killed at any point, it leaves the vectors of a whole job or none; done twice, the same ones.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/protocol/segment.h"
#include "worker/embed/embedder.h"
#include "worker/store/file_store.h"

namespace forkdex {

class MessageEmbedding {
 public:
  /// With the model whose id is `model_id`; `prefix` goes before every message. REQUIRES that the
  /// references outlive this.
  MessageEmbedding(Embedder& embedder, FileStore& store, JobReceiver& receiver,
                   std::int64_t model_id, std::string prefix)
      : embedder_(embedder),
        store_(store),
        receiver_(receiver),
        model_id_(model_id),
        prefix_(std::move(prefix)) {}

  /// Sees to the messages that have no vector yet. What the database refuses makes the outcome
  /// kFailed. ERRORS of radius worker or run.
  Result<Outcome> run(const JobReceiver::Taken& taken);

 private:
  Result<void> embed_missing(const JobReceiver::Taken& taken, Outcome& outcome);
  Result<std::vector<Sha256>> missing(std::span<const Sha256> hashes);
  Result<void> embed(std::uint32_t slot, const std::vector<std::string>& texts,
                     std::vector<float>& vectors, Outcome& outcome);

  Embedder& embedder_;
  FileStore& store_;
  JobReceiver& receiver_;
  std::int64_t model_id_;
  std::string prefix_;
};

}  // namespace forkdex
