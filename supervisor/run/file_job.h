#pragma once

// A file's job, on its way out and back: the envelope is made of what the plan knows, and what
// became of it is read from the outcome. Pure.

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/hash.h"
#include "common/jobs/index_file.h"

namespace forkdex {

/// What the plan knows of a file and its worker does not need.
struct FileMemo {
  StatSignature signature = {};
  std::uint32_t known_chunks = 0;  ///< rows in `chunks`, if the file is unchanged
  /// What the bytes of `known_hash` were quarantined for; they stay so while they are the file's.
  std::optional<Quarantine> quarantine = {};
  bool known_partly_parsed = false;  ///< the row's reason is kPartlyParsed, if it is unchanged
};

/// The job of `file`; `id` is unique in a phase.
Job file_job(std::uint64_t id, const IndexFile& file, const FileMemo& memo);

/// What became of a file that went to a worker.
struct FinishedFile {
  std::string path = {};        ///< raw bytes
  Verdict verdict = {};         ///< of an earlier run, where that stands
  FileFacts facts = {};         ///< of the bytes that were read, else of the listing
  IndexFileResult result = {};  ///< what its worker did
  std::uint32_t chunks = 0;     ///< rows that it has now
  std::uint64_t cost = 0;       ///< Job::cost
  StageTimes times = {};
  std::chrono::nanoseconds elapsed{0};      ///< wall, from taken to done
  std::optional<Sha256> content_hash = {};  ///< of a quarantined file, as far as it was read
  /// Quarantine::limit of an earlier run's verdict that stands.
  std::optional<std::uint64_t> standing_limit = {};
};

/// REQUIRES a job of file_job(), and an outcome that JobSender::collect or a Dispatcher gave.
FinishedFile finished_file(const Job& job, const Outcome& outcome);

}  // namespace forkdex
