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

FileRecord record_of(FinishedFile&& file, const std::string& recipe, std::uint64_t limit) {
  FileRecord record;
  record.path = std::move(file.path);
  record.verdict = std::move(file.verdict);
  record.facts = std::move(file.facts);
  record.recipe = recipe;
  record.content_hash = file.content_hash;
  if (record.verdict.state == FileState::kQuarantined)
    record.refused_limit = file.standing_limit.value_or(limit);
  return record;
}

}  // namespace forkdex
