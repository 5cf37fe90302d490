#pragma once

// The job of one file: read, parse, store.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/hash.h"
#include "common/jobs/file_facts.h"
#include "common/jobs/job.h"

namespace forkdex {

struct IndexFile {
  std::string path = {};  ///< relative to the root, raw bytes, at most kMaxPathBytes
  /// Hex id of the blob in the object database that has the bytes; empty: the file at `path` on
  /// disk has them.
  std::string blob_oid = {};
  /// SHA-256 of the bytes that the database's row describes: equal ones are unchanged.
  std::optional<Sha256> known_hash = {};
  /// `known_hash` was quarantined. No attempt of this run stores such bytes, so that the row still
  /// describes them when an earlier one has begun.
  bool is_quarantined = false;

  /// Whether the worker may take bytes of `hash` as unchanged, in an attempt at `job`.
  bool is_unchanged(const Sha256& hash, const Job& job) const {
    return known_hash == hash && (!job.taken_before || is_quarantined);
  }
};

template <class Visit, FieldsOf<IndexFile> Self>
void visit_fields(Visit&& visit, Self& file) {
  visit(file.path, file.blob_oid, file.known_hash, file.is_quarantined);
}

inline constexpr std::size_t kMaxLanguageBytes = 32;
inline constexpr std::size_t kMaxOidBytes = 64;

/// What a worker found and did, as far as it came. `state` is kIndexed, kUnchanged or kEmpty, and
/// counts where the job is done.
struct IndexFileResult {
  FileState state = FileState::kIndexed;
  std::string language = {};  ///< at most kMaxLanguageBytes
  std::uint64_t bytes = 0;
  std::string blob_oid =
      {};                    ///< hex, git_blob_id of the bytes that were read; empty when none were
  std::uint32_t chunks = 0;  ///< rows written
};

template <class Visit, FieldsOf<IndexFileResult> Self>
void visit_fields(Visit&& visit, Self& result) {
  visit(result.state, result.language, result.bytes, result.blob_oid, result.chunks);
}

/// Reads what a worker wrote, its texts made fit for rows; nothing where it cannot be true.
std::optional<IndexFileResult> index_file_result(std::string_view payload);

}  // namespace forkdex
