// The payloads of jobs and results, of any bytes: nothing is read outside of them, and what can be
// read is written in as many bytes, which read as the same.

#include <string_view>

#include "common/jobs/embed_query.h"
#include "common/jobs/embed_texts.h"
#include "common/jobs/index_file.h"
#include "common/jobs/merge_words.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

template <class Struct>
void check_as(std::string_view bytes) {
  const auto value = decode<Struct>(bytes);
  if (!value) return;
  const std::string written = encode(*value);
  expect(written.size() == bytes.size(), "nothing was left over");
  const auto again = decode<Struct>(written);
  expect(again && encode(*again) == written, "what was read can be written and read again");
}

void check(std::string_view bytes) {
  check_as<Job>(bytes);
  check_as<IndexFile>(bytes);
  check_as<IndexFileResult>(bytes);
  check_as<EmbedTexts>(bytes);
  check_as<EmbedTextsResult>(bytes);
  check_as<MergeWords>(bytes);
  check_as<MergeWordsResult>(bytes);
  check_as<EmbedQuery>(bytes);
  check_as<EmbedQueryResult>(bytes);
}

const Registration kTarget("payload", check);

}  // namespace
}  // namespace forkdex::fuzz
