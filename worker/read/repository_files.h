#pragma once

// Where the bytes of a file come from: the work tree's folder, or the blobs of a commit. Opened
// before the sandbox, which leaves the process what folders() says. One thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "common/jobs/index_file.h"
#include "common/protocol/worker_setup.h"
#include "worker/read/blob_store.h"
#include "worker/read/source_file.h"

namespace forkdex {

class RepositoryFiles {
 public:
  /// Opens what `setup` names. ERRORS kPathUnusable, kRepositoryUnusable.
  static Result<RepositoryFiles> open(const IndexingSetup& indexing);

  /// What must stay readable.
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

  /// Reads `file`. ERRORS those of read_source_file and BlobStore::read.
  Result<SourceFile> read(const IndexFile& file, std::uint64_t max_bytes) const;

 private:
  UniqueFd root_;                   // none where blobs_ is
  std::optional<BlobStore> blobs_;  // where jobs name blobs
  std::vector<std::filesystem::path> folders_;
};

}  // namespace forkdex
