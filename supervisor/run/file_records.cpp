#include "supervisor/run/file_records.h"

#include <utility>

namespace forkdex {

FileRecord record_of(Decided&& file, const std::string& recipe) {
  FileRecord record;
  record.path = std::move(file.path);
  record.verdict = std::move(file.verdict);
  if (file.row_stands) record.verdict.state = FileState::kUnchanged;
  record.facts = std::move(file.facts);
  record.recipe = recipe;
  return record;
}

FileRecord record_of(const Job& job, const Outcome& outcome, const std::string& recipe) {
  FileRecord record;
  record.path = job.path;
  record.verdict = {outcome.state, outcome.reason, outcome.detail, job.attempt};
  record.facts = {outcome.language, outcome.bytes,
                  outcome.blob_oid.empty() ? job.blob_oid : outcome.blob_oid, job.signature};
  record.recipe = recipe;
  // The file may have changed since it was listed. A size that is not the blob's would let another
  // file pass for it (Planner::same_bytes).
  if (!outcome.blob_oid.empty()) record.facts.signature.size = outcome.bytes;
  record.content_hash = outcome.content_hash;
  return record;
}

}  // namespace forkdex
