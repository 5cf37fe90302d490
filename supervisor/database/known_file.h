#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/hash.h"
#include "common/protocol/file_state.h"
#include "common/protocol/job.h"

namespace forkdex {

/// What the database says of a path from an earlier run.
struct KnownFile {
  std::string path;  ///< raw bytes
  FileState state = FileState::kIndexed;
  std::string reason;
  std::string detail;  ///< of a file that was refused, failed or quarantined
  std::string recipe;  ///< empty where none applies
  StatSignature signature;
  std::optional<Sha256> content_hash;  ///< of the bytes on disk
  std::string blob_oid;                ///< git_blob_id of those bytes; empty where none were read
  std::uint32_t attempts = 0;
  std::uint32_t chunk_count = 0;    ///< rows in `chunks`
  std::uint64_t refused_limit = 0;  ///< the limit that was too low, 0 where none was
};

}  // namespace forkdex
