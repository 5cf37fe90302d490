#pragma once

// Queries: each is embedded by itself, and its vector is the answer. One thread.

#include <memory>
#include <string>
#include <utility>

#include "worker/embed/embedder.h"
#include "worker/job_handler.h"

namespace forkdex {

class EmbedQueryHandler final : public JobHandler {
 public:
  /// `prefix` goes before every query. REQUIRES that `receiver` outlives this.
  EmbedQueryHandler(JobReceiver& receiver, std::shared_ptr<Embedder> embedder, std::string prefix)
      : receiver_(receiver), embedder_(std::move(embedder)), prefix_(std::move(prefix)) {}

  Result<void> take(JobReceiver::Taken taken) override;

 private:
  JobReceiver& receiver_;
  std::shared_ptr<Embedder> embedder_;
  std::string prefix_;
};

}  // namespace forkdex
