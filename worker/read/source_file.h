#pragma once

// The bytes of one file below the repository's root, read without ever leaving it.

#include <cstdint>
#include <string>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/jobs/file_facts.h"

namespace forkdex {

struct SourceFile {
  std::string bytes;
  Sha256 hash{};            ///< of `bytes`
  std::string blob_oid;     ///< git_blob_id of `bytes`
  StatSignature signature;  ///< of the descriptor that was read; seen_at_ns is before the reading
};

/// What a file of `size` bytes is told where `max_bytes` are allowed.
Error too_large(std::uint64_t size, std::uint64_t max_bytes);

/// Reads `path` below the folder `root_fd`. No component of the path may be a symbolic link, and a
/// FIFO, socket or device is not opened for reading. A file that changes while it is read is read
/// again, three times at most.
/// ERRORS kFileVanished, kFileUnreadable, kNotRegularFile, kFileTooLarge (over `max_bytes`).
Result<SourceFile> read_source_file(int root_fd, const std::string& path, std::uint64_t max_bytes);

}  // namespace forkdex
