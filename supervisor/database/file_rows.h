#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/jobs/file_facts.h"
#include "common/pg/connection.h"

namespace forkdex {

/// What a run decided about a file without storing chunks of it.
struct FileRecord {
  std::string path;  ///< raw bytes
  /// kSkipped, kFailed, kQuarantined: the row says so and the file's chunks go. kUnchanged: the row
  /// keeps its result and takes the new signature. kRemoved: row and chunks go.
  Verdict verdict;
  FileFacts facts;
  std::string recipe;  ///< under which this was decided; a later run with another asks again
  std::optional<Sha256> content_hash;
  std::uint64_t refused_limit = 0;  ///< the limit that was too low, 0 where none was
};

/// Gathers records and writes them in batches, one statement a kind. Killed, the records gathered
/// since the last write are lost; the next run decides them again.
class FileRows {
 public:
  FileRows(PgConnection& connection, std::int64_t repository_id)
      : connection_(&connection), repository_id_(repository_id) {}

  void add(FileRecord record);
  std::size_t size() const { return refused_.size() + refreshed_.size() + removed_.size(); }

  /// Writes what was added, in one transaction. ERRORS as PgConnection::run; nothing was written
  /// then, and the records are still here.
  Result<void> write();

 private:
  Result<void> write_all();
  Result<void> write_refused();
  Result<void> write_refreshed();
  Result<void> write_removed();
  Result<void> forget_text_counts();

  PgConnection* connection_;
  std::int64_t repository_id_;
  std::vector<FileRecord> refused_;
  std::vector<FileRecord> refreshed_;
  std::vector<FileRecord> removed_;
};

}  // namespace forkdex
