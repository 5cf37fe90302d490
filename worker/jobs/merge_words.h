#pragma once

// Segments of the word index: each job makes one. Killed, it leaves those that were there.

#include "worker/job_handler.h"
#include "worker/store/word_store.h"

namespace forkdex {

class MergeWordsHandler final : public JobHandler {
 public:
  /// REQUIRES that `receiver` outlives this.
  MergeWordsHandler(JobReceiver& receiver, WordStore store)
      : receiver_(receiver), store_(std::move(store)) {}

  Result<void> take(JobReceiver::Taken taken) override;

 private:
  JobReceiver& receiver_;
  WordStore store_;
};

}  // namespace forkdex
