#pragma once

// One file's rows, in one transaction: its vectors, its chunks and its `files` row. A reader sees
// the old file or the new one, never a mix and never neither.
//
// A transaction replaces everything under one key, (repository, path): it may be run again at any
// time, so a commit whose answer was lost (the connection broke, we were killed) is harmless.
// Vectors are keyed by model and content, never updated, and shared by all repositories of a
// database. They are deleted only under an exclusive advisory lock; the storing transaction holds
// it shared and checks under it that every vector its chunks need is there.
//
// One thread at a time; one connection, its own.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/jobs/file_facts.h"
#include "common/model/view.h"
#include "common/pg/connection.h"
#include "worker/parse/chunk.h"
#include "worker/store/binary_array.h"

namespace forkdex {

/// A chunk's text in one view and what the model of that view made of it, for all chunks of a file.
struct StoredView {
  std::int64_t model_id = 0;       ///< 0: no model embeds this view, and no vector is asked for
  std::span<const Sha256> hashes;  ///< of each chunk's text, in the order of the chunks; may be
                                   ///< empty for the text view
  std::span<const StoredVector> vectors;  ///< may repeat, may be stored already; any order
};

/// A text that has no vector under a model.
struct MissingVector {
  std::int64_t model_id = 0;
  Sha256 hash{};
};

/// What to store of a file. Path, chunks and vectors are views.
struct StoredFile {
  std::int64_t repository_id = 0;
  std::string_view path;  ///< relative to the root, raw bytes
  Sha256 content_hash{};  ///< of the bytes on disk
  Verdict verdict;        ///< kIndexed or kEmpty
  FileFacts facts;
  std::string_view recipe;
  std::span<const Chunk> chunks;
  PerView<StoredView> views;
  /// False: the commit returns before it has reached the disk. It is as whole and as visible as any
  /// other, and the next one of this FileStore that waits takes it along; only a server that dies
  /// before that loses it.
  bool waits_for_disk = true;
};

/// What a row says of a file that was stored.
struct StoredResult {
  Verdict verdict;  ///< kIndexed or kEmpty
  std::string language;
  std::uint32_t chunks = 0;
};

class FileStore {
 public:
  /// Connects. A statement that waits for somebody's lock longer than `lock_timeout` fails with
  /// kDatabaseBusy; 0 waits for ever. ERRORS kDatabaseUnreachable, kTooManyConnections,
  /// kDatabaseUnusable.
  static Result<FileStore> open(const std::string& conninfo, const std::string& application_name,
                                std::chrono::milliseconds lock_timeout = {});

  /// Whether the run with this id has stored `file` as it is now (repository, path, content hash
  /// and recipe; the rest is not looked at), and with what result, which is on the disk then. For a
  /// file whose worker ended between sending the commit and reading the answer. ERRORS
  /// kDatabaseBusy, kDiskFull, kDatabaseLost, kDatabaseUnusable.
  Result<std::optional<StoredResult>> stored_by_run(std::int64_t run_id, const StoredFile& file);

  /// For each hash, whether a vector of `model_id` is stored for it now. ERRORS kDatabaseLost,
  /// kDatabaseUnusable.
  Result<std::vector<bool>> known_vectors(std::int64_t model_id, std::span<const Sha256> hashes);

  /// The first kMessageLetters of the commit messages with these hashes, in their order; empty for
  /// one that no commit has any more. ERRORS kDatabaseLost, kDatabaseUnusable.
  Result<std::vector<std::string>> messages(std::span<const Sha256> hashes);
  /// More than any model reads.
  static constexpr int kMessageLetters = 16'384;

  /// Stores `vectors` ahead of the files they are for and commits, so that they need not be held.
  /// Until a file that refers to them is stored they may be collected. ERRORS as store.
  Result<void> store_vectors(std::int64_t model_id, std::span<const StoredVector> vectors);

  /// Stores `file` and commits. Returns the texts that neither `file` nor the database has a vector
  /// of; unless that is empty, nothing was stored: embed those texts and call again.
  /// What may pass (a deadlock, a serialization failure) is tried again inside. BLOCKS on the
  /// commit reaching disk, if it waits for that. ERRORS kRowRefused, kDatabaseBusy, kDiskFull,
  /// kDatabaseLost (in doubt: see stored_by_run), kDatabaseUnusable.
  Result<std::vector<MissingVector>> store(const StoredFile& file);

  /// Whether the role we came as may do everything on the server. ERRORS as PgConnection::run.
  Result<bool> is_superuser();

  int socket() const { return connection_.socket(); }
  /// For what else is stored between two calls of this. REQUIRES no other thread.
  PgConnection& connection() { return connection_; }

 private:
  explicit FileStore(PgConnection connection) : connection_(std::move(connection)) {}
  Result<void> prepare(std::chrono::milliseconds lock_timeout);
  Result<std::vector<MissingVector>> store_once(const StoredFile& file);
  PgCall insert_call(std::int64_t model_id, std::span<const StoredVector> sorted) const;

  PgConnection connection_;
  std::uint32_t halfvec_oid_ = 0;
};

}  // namespace forkdex
