#include "worker/read/repository_files.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace forkdex {

Result<RepositoryFiles> RepositoryFiles::open(const IndexingSetup& indexing) {
  RepositoryFiles files;
  if (!indexing.object_folders.empty()) {
    auto blobs = BlobStore::open(indexing.object_folders.front());
    if (!blobs) return blobs.error();
    files.blobs_.emplace(*std::move(blobs));
    files.folders_.assign(indexing.object_folders.begin(), indexing.object_folders.end());
    return files;
  }
  files.root_.reset(::open(indexing.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!files.root_.valid())
    return system_error(ErrorCode::kPathUnusable, indexing.root + " can no longer be opened",
                        errno);
  files.folders_.emplace_back(indexing.root);
  return files;
}

Result<SourceFile> RepositoryFiles::read(const IndexFile& file, std::uint64_t max_bytes) const {
  return blobs_ ? blobs_->read(file.blob_oid, max_bytes)
                : read_source_file(root_.get(), file.path, max_bytes);
}

}  // namespace forkdex
