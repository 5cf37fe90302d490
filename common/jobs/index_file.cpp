#include "common/jobs/index_file.h"

#include <utility>

#include "common/base/plausible.h"

namespace forkdex {

std::optional<IndexFileResult> index_file_result(std::string_view payload) {
  auto result = decode<IndexFileResult>(payload);
  if (!result || result->language.size() > kMaxLanguageBytes) return std::nullopt;
  if (result->blob_oid.size() > kMaxOidBytes) return std::nullopt;
  switch (result->state) {
    case FileState::kIndexed:
    case FileState::kUnchanged:
    case FileState::kEmpty:
      result->language = plausible_text(std::move(result->language));
      result->blob_oid = plausible_text(std::move(result->blob_oid));
      return result;
    default:
      return std::nullopt;
  }
}

}  // namespace forkdex
