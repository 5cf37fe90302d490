#pragma once

// Files: read and parse them, embed what is new, store file by file, say what became of each.
// Several files travel together so that a forward pass has enough tokens; each still has a
// transaction of its own. Of these only the last waits for the disk, which takes the others along;
// then all are reported. One thread.
//
// Files that were committed and not yet reported when the worker was killed are recognised, or
// stored again, by the next incarnation that gets them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/model/view.h"
#include "common/protocol/worker_setup.h"
#include "worker/job_handler.h"
#include "worker/jobs/embedding_model.h"
#include "worker/jobs/file_in_hand.h"
#include "worker/jobs/group_vectors.h"
#include "worker/parse/chunker.h"
#include "worker/read/repository_files.h"
#include "worker/store/file_store.h"

namespace forkdex {

class IndexFileHandler final : public JobHandler {
 public:
  /// What files are read, cut and stored with. All of it outlives the handler.
  struct Means {
    JobReceiver& receiver;
    const IndexingSetup& indexing;
    const RepositoryFiles& files;
    Chunker& chunker;
    FileStore& store;
  };

  /// `models` has one for each view that is embedded; a forward pass takes about `batch_tokens`.
  IndexFileHandler(const Means& means, const PerView<std::optional<EmbeddingModel>>& models,
                   std::uint64_t batch_tokens);

  Result<void> take(JobReceiver::Taken taken) override;
  bool full() const override;
  Result<void> flush() override;

 private:
  Result<void> check_language(FileInHand& in_hand) const;
  Result<std::optional<FileState>> parse(FileInHand& in_hand);
  Result<std::optional<FileState>> look_up_result(FileInHand& in_hand);
  Result<void> embed_group();
  std::uint32_t views() const;
  std::vector<GroupVectors::Text> texts_of(std::span<const MissingVector> missing,
                                           const GroupVectors& model, FileInHand& in_hand) const;
  Result<void> store_group();
  Result<bool> store_or_refuse(FileInHand& in_hand, bool waits_for_disk);
  Result<void> store(FileInHand& in_hand, bool waits_for_disk);
  Result<std::vector<MissingVector>> store_once(FileInHand& in_hand, bool waits_for_disk);
  void finish(FileInHand& in_hand, FileState state);
  void finish_with(FileInHand& in_hand, const Error& error);
  void report(FileInHand& in_hand);

  Means means_;
  std::uint64_t batch_tokens_;
  std::vector<std::unique_ptr<GroupVectors>> models_;  // each once
  PerView<GroupVectors*> vectors_;                     // null where the view is off
  std::vector<std::unique_ptr<FileInHand>> group_;
  std::size_t group_bytes_ = 0;
};

}  // namespace forkdex
