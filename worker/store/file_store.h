#pragma once

// One file's rows, in one transaction: its chunks and its `files` row. A reader sees the old file
// or the new one, never a mix and never neither. Vectors of the chunks' texts follow later
// (vector_store.h).
//
// A transaction replaces everything under one key, (repository, path): it may be run again at any
// time, so a commit whose answer was lost (the connection broke, we were killed) is harmless. It
// holds the vectors lock shared: whoever deletes vectors holds it alone, and so sees either no
// transaction under way or the chunks that it has stored.
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

namespace forkdex {

/// What to store of a file. Path, chunks and hashes are views.
struct StoredFile {
  std::int64_t repository_id = 0;
  std::string_view path;  ///< relative to the root, raw bytes
  Sha256 content_hash{};  ///< of the bytes on disk
  Verdict verdict;        ///< kIndexed or kEmpty
  FileFacts facts;
  std::string_view recipe;
  std::span<const Chunk> chunks;
  /// Of each chunk's text in that view; those of the text view may be left out, and the texts are
  /// then not stored either.
  PerView<std::span<const Sha256>> hashes;
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

  /// Stores `file` and commits. What may pass (a deadlock, a serialization failure) is tried again
  /// inside. BLOCKS on the commit reaching disk, if it waits for that. ERRORS kRowRefused,
  /// kDatabaseBusy, kDiskFull, kDatabaseLost (in doubt: see stored_by_run), kDatabaseUnusable.
  Result<void> store(const StoredFile& file);

  /// Whether the role we came as may do everything on the server. ERRORS as PgConnection::run.
  Result<bool> is_superuser();

  int socket() const { return connection_.socket(); }
  /// For what else is stored between two calls of this. REQUIRES no other thread.
  PgConnection& connection() { return connection_; }

 private:
  explicit FileStore(PgConnection connection) : connection_(std::move(connection)) {}
  Result<void> prepare(std::chrono::milliseconds lock_timeout);
  Result<void> store_once(const StoredFile& file);

  PgConnection connection_;
};

}  // namespace forkdex
