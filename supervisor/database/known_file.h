#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/hash.h"
#include "common/jobs/file_facts.h"

namespace forkdex {

/// What the database says of a path from an earlier run.
struct KnownFile {
  std::string path;    ///< raw bytes
  Verdict verdict;     ///< the detail is that of a file that was refused, failed or quarantined
  FileFacts facts;     ///< language, blob_oid and signature alone
  std::string recipe;  ///< empty where none applies
  std::optional<Sha256> content_hash;  ///< of the bytes on disk
  std::uint32_t chunk_count = 0;       ///< rows in `chunks`
  std::uint64_t refused_limit = 0;     ///< the limit that was too low, 0 where none was
};

}  // namespace forkdex
