#include "supervisor/run/file_records.h"

#include <utility>

namespace forkdex {

FileRecord record_of(Decided&& file, const std::string& recipe) {
  FileRecord record;
  record.path = std::move(file.path);
  record.state = file.row_stands ? FileState::kUnchanged : file.state;
  record.reason = std::move(file.reason);
  record.detail = std::move(file.detail);
  record.language = std::move(file.language);
  record.bytes = file.bytes;
  record.recipe = recipe;
  record.blob_oid = std::move(file.blob_oid);
  record.signature = file.signature;
  return record;
}

FileRecord record_of(const Job& job, const Outcome& outcome, const std::string& recipe) {
  FileRecord record;
  record.path = job.path;
  record.state = outcome.state;
  record.reason = outcome.reason;
  record.detail = outcome.detail;
  record.language = outcome.language;
  record.bytes = outcome.bytes;
  record.attempts = job.attempt;
  record.recipe = recipe;
  record.blob_oid = outcome.blob_oid.empty() ? job.blob_oid : outcome.blob_oid;
  record.signature = job.signature;
  // The file may have changed since it was listed. A size that is not the blob's would let another
  // file pass for it (Planner::same_bytes).
  if (!outcome.blob_oid.empty()) record.signature.size = outcome.bytes;
  record.content_hash = outcome.content_hash;
  return record;
}

}  // namespace forkdex
