#pragma once

// Files: read and parse them, store file by file, say what became of each. Several files travel
// together: each has a transaction of its own, of which only the last waits for the disk, which
// takes the others along; then all are reported. One thread.
//
// Files that were committed and not yet reported when the worker was killed are recognised, or
// stored again, by the next incarnation that gets them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/protocol/worker_setup.h"
#include "worker/job_handler.h"
#include "worker/jobs/file_in_hand.h"
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
    bool stores_text_view;  ///< some model embeds it
  };

  explicit IndexFileHandler(const Means& means) : means_(means) {}

  Result<void> take(JobReceiver::Taken taken) override;
  bool full() const override;
  Result<void> flush() override;

 private:
  Result<void> check_language(FileInHand& in_hand) const;
  Result<std::optional<FileState>> parse(FileInHand& in_hand);
  Result<std::optional<FileState>> look_up_result(FileInHand& in_hand);
  Result<void> store_group();
  Result<bool> store_or_refuse(FileInHand& in_hand, bool waits_for_disk);
  Result<void> store(FileInHand& in_hand, bool waits_for_disk);
  void finish(FileInHand& in_hand, FileState state);
  void finish_with(FileInHand& in_hand, const Error& error);
  void report(FileInHand& in_hand);

  Means means_;
  std::vector<std::unique_ptr<FileInHand>> group_;
  std::size_t group_bytes_ = 0;
};

}  // namespace forkdex
