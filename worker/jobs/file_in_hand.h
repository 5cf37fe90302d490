#pragma once

// A file on its way through a worker: taken, parsed, not yet stored.

#include <chrono>
#include <cstdint>
#include <vector>

#include "common/base/hash.h"
#include "common/jobs/index_file.h"
#include "common/model/view.h"
#include "worker/parse/chunk.h"
#include "worker/read/source_file.h"

namespace forkdex {

struct FileInHand {
  std::uint32_t slot = 0;
  Job job;
  IndexFile wanted;  ///< the job's payload
  Outcome outcome;
  IndexFileResult result;  ///< the outcome's payload
  SourceFile file;
  ParsedFile parsed;
  /// Of each chunk's text in that view. The source's are there even where no model embeds it: they
  /// are what chunks are known by.
  PerView<std::vector<Sha256>> hashes;
  std::chrono::steady_clock::time_point taken_at;
};

/// The text of `chunk` in `view`.
inline std::string_view text_of(const Chunk& chunk, View view) {
  return view == View::kCode ? std::string_view(chunk.source) : std::string_view(chunk.text_view);
}

}  // namespace forkdex
