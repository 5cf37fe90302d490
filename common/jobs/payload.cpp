#include "common/jobs/payload.h"

#include "common/jobs/embed_query.h"
#include "common/jobs/embed_texts.h"
#include "common/jobs/index_file.h"
#include "common/jobs/merge_words.h"

namespace forkdex {
namespace {

/// No worker knows that one after the other died.
bool comes_from_worker(JobEnd end) {
  return end == JobEnd::kDone || end == JobEnd::kSkipped || end == JobEnd::kFailed;
}

}  // namespace

bool is_result_of(JobKind kind, JobEnd end, std::string_view payload) {
  if (!comes_from_worker(end)) return false;
  switch (kind) {
    case JobKind::kIndexFile:
      return index_file_result(payload).has_value();
    case JobKind::kEmbedTexts:
      return end != JobEnd::kSkipped && decode<EmbedTextsResult>(payload).has_value();
    case JobKind::kEmbedQuery:
      return end == JobEnd::kDone && decode<EmbedQueryResult>(payload).has_value();
    case JobKind::kMergeWords:
      return end != JobEnd::kSkipped && decode<MergeWordsResult>(payload).has_value();
  }
  return false;
}

}  // namespace forkdex
