#pragma once

// The object store of a git repository, as far as a worker needs it: blobs by their ids, for files
// that are indexed as a commit has them. Opened before the sandbox, which leaves it the store's
// folders to read. One thread.

#include <cstdint>
#include <memory>
#include <string>

#include "common/error/result.h"
#include "worker/read/source_file.h"

struct git_odb;

namespace forkdex {

class BlobStore {
 public:
  /// Opens the store at `folder` (…/objects) with its alternates. ERRORS kRepositoryUnusable.
  static Result<BlobStore> open(const std::string& folder);

  /// Reads a blob. Its signature has a size and nothing else, so it is no file's on disk. ERRORS
  /// kFileTooLarge (over `max_bytes`, judged before it is read), kFileUnreadable (missing, damaged
  /// or no blob), kOutOfMemory.
  Result<SourceFile> read(const std::string& oid, std::uint64_t max_bytes) const;

 private:
  struct Free {
    void operator()(git_odb* objects) const;
  };
  explicit BlobStore(git_odb* objects) : objects_(objects) {}
  std::unique_ptr<git_odb, Free> objects_;
};

}  // namespace forkdex
