#pragma once

// What crosses the border between supervisor and worker: a job goes out, an outcome comes back.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/jobs/file_facts.h"

namespace forkdex {

enum class JobKind : std::uint8_t {
  kFile,      ///< a file to index
  kQuery,     ///< a text whose vector is the answer
  kMessages,  ///< messages of commits that need vectors
};

/// The most messages of one job.
inline constexpr std::size_t kMaxMessages = 64;

/// One file to index, or commit messages to embed.
struct Job {
  std::uint64_t id = 0;  ///< the supervisor's number for the file, unique in a phase
  JobKind kind = JobKind::kFile;
  std::string path;  ///< relative to the root, raw bytes, at most kMaxPathBytes; else what it shows
  std::vector<Sha256> messages = {};  ///< of kMessages, at most kMaxMessages: commits.content_hash
  /// 1 for the first; more once a worker died over the file (not: beside it).
  std::uint32_t attempt = 1;
  bool known = false;  ///< the database has a row whose content hash the worker may trust
  std::uint8_t known_hash[32] = {};  ///< SHA-256 of the bytes that row describes
  /// An earlier attempt of this run ended while the file was being stored: its commit is in doubt.
  bool in_doubt = false;
  StatSignature signature;
  /// Hex: the file is this blob of the object database, and not what stands at `path` on disk.
  /// Empty: it is what stands there.
  std::string blob_oid;
  std::uint32_t known_chunks = 0;  ///< stays with the supervisor: rows in `chunks`, if unchanged
  /// Stays with the supervisor: what `known_hash` was quarantined for, null for any other file.
  std::shared_ptr<const Quarantine> quarantine;
};

/// What became of a job.
struct Outcome {
  std::uint64_t job_id = 0;
  FileState state = FileState::kIndexed;
  std::string reason;  ///< ErrorTraits::name of what prevented it, or empty
  std::string detail;  ///< for a person; may be empty
  std::string language;
  std::uint64_t bytes = 0;
  std::string blob_oid;        ///< git_blob_id of the bytes that were read; empty when none were
  std::uint32_t chunks = 0;    ///< rows written
  std::uint32_t embedded = 0;  ///< texts that went through the model
  std::uint32_t reused = 0;    ///< texts whose vector was known
  std::uint64_t tokens = 0;
  // CPU time by thread clock.
  std::chrono::nanoseconds read{0};
  std::chrono::nanoseconds parse{0};
  std::chrono::nanoseconds embed{0};
  std::chrono::nanoseconds store{0};
  std::chrono::nanoseconds elapsed{0};  ///< wall, from taken to done
  /// Of a quarantined file, as far as it was read: SHA-256 of its bytes.
  std::optional<Sha256> content_hash;
};

inline constexpr std::size_t kMaxPathBytes = 4095;

}  // namespace forkdex
