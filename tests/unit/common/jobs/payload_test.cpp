// Structs as bytes, and payloads by kind.

#include "common/base/fields.h"

#include <catch2/catch.hpp>

#include "common/jobs/embed_query.h"
#include "common/jobs/embed_texts.h"
#include "common/jobs/index_file.h"
#include "common/jobs/payload.h"

namespace forkdex {

TEST_CASE("fields: a file's job -> bytes -> the same job", "[jobs]") {
  const IndexFile before{std::string("na\xffme\n\0.ts", 11), std::string(40, 'a'), sha256("x"),
                         true};
  const auto after = decode<IndexFile>(encode(before));
  REQUIRE(after);
  CHECK(after->path == before.path);
  CHECK(after->blob_oid == before.blob_oid);
  CHECK(after->known_hash == before.known_hash);
  CHECK(after->is_quarantined);
}

TEST_CASE("fields: a file's result -> bytes -> the same result", "[jobs]") {
  const IndexFileResult before{FileState::kEmpty, "tsx", 1ULL << 40, "abc", 1};
  const auto after = index_file_result(encode(before));
  REQUIRE(after);
  CHECK(after->state == FileState::kEmpty);
  CHECK(after->language == "tsx");
  CHECK(after->bytes == 1ULL << 40);
  CHECK(after->blob_oid == "abc");
  CHECK(after->chunks == 1);
}

TEST_CASE("fields: texts, a query and a vector -> bytes -> the same", "[jobs]") {
  const EmbedTexts texts{TextSource::kMessage, {sha256("x"), sha256("y")}};
  REQUIRE(embed_texts(encode(texts)));
  CHECK(embed_texts(encode(texts))->source == TextSource::kMessage);
  CHECK(embed_texts(encode(texts))->hashes == texts.hashes);
  CHECK(decode<EmbedQuery>(encode(EmbedQuery{"q\xc3\xa9"}))->text == "q\xc3\xa9");
  const EmbedQueryResult result{{0.5F, -1.0F}};
  CHECK(decode<EmbedQueryResult>(encode(result))->vector == result.vector);
}

TEST_CASE("fields: too few bytes, too many, or a length beyond them -> nothing", "[jobs]") {
  const std::string whole = encode(EmbedTexts{TextSource::kCode, {sha256("x"), sha256("y")}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    CHECK_FALSE(embed_texts(whole.substr(0, size)));
  }
  CHECK_FALSE(embed_texts(whole + '\0'));
  CHECK_FALSE(embed_texts(std::string("\0\xff\xff\xff\xff", 5)));
  CHECK_FALSE(embed_texts(encode(EmbedTexts{static_cast<TextSource>(3), {}})));
  CHECK_FALSE(decode<EmbedQuery>("\xff\xff\xff\xffq"));
}

TEST_CASE("payload: the longest of every job fits a slot", "[jobs]") {
  CHECK(encode(IndexFile{std::string(kMaxPathBytes, 'p'), std::string(64, 'a'), Sha256(), true})
            .size() <= kMaxJobPayload);
  CHECK(encode(EmbedTexts{TextSource::kCode, std::vector<Sha256>(kMaxTexts)}).size() <=
        kMaxJobPayload);
  CHECK(encode(EmbedQuery{std::string(kMaxQueryBytes, 'q')}).size() <= kMaxJobPayload);
  CHECK(encode(EmbedQueryResult{std::vector<float>(kMaxVectorDimension)}).size() <=
        kMaxOutcomePayload);
}

TEST_CASE("payload: a result is one of its own kind, with a state that a worker gives", "[jobs]") {
  IndexFileResult result;
  CHECK(is_result_of(JobKind::kIndexFile, JobEnd::kDone, encode(result)));
  CHECK(is_result_of(JobKind::kIndexFile, JobEnd::kFailed, encode(result)));
  CHECK_FALSE(is_result_of(JobKind::kIndexFile, JobEnd::kQuarantined, encode(result)));
  CHECK_FALSE(is_result_of(JobKind::kEmbedTexts, JobEnd::kDone, encode(result)));
  CHECK_FALSE(is_result_of(static_cast<JobKind>(kJobKinds), JobEnd::kDone, encode(result)));
  for (const FileState state : {FileState::kSkipped, FileState::kFailed, FileState::kQuarantined,
                                FileState::kRemoved, static_cast<FileState>(200)}) {
    result.state = state;
    CHECK_FALSE(is_result_of(JobKind::kIndexFile, JobEnd::kDone, encode(result)));
  }
}

TEST_CASE(
    "payload: a query's vector, or messages, that were skipped or a query that failed -> none",
    "[jobs]") {
  const std::string vector = encode(EmbedQueryResult{{1.0F}});
  CHECK(is_result_of(JobKind::kEmbedQuery, JobEnd::kDone, vector));
  CHECK_FALSE(is_result_of(JobKind::kEmbedQuery, JobEnd::kFailed, vector));
  const std::string messages = encode(EmbedTextsResult());
  CHECK(is_result_of(JobKind::kEmbedTexts, JobEnd::kFailed, messages));
  CHECK_FALSE(is_result_of(JobKind::kEmbedTexts, JobEnd::kSkipped, messages));
}

TEST_CASE("payload: a language or blob id longer than any is -> none", "[jobs]") {
  IndexFileResult result;
  result.language.assign(kMaxLanguageBytes + 1, 'x');
  CHECK_FALSE(index_file_result(encode(result)));
  result.language.clear();
  result.blob_oid.assign(kMaxOidBytes + 1, 'a');
  CHECK_FALSE(index_file_result(encode(result)));
}

TEST_CASE("payload: a result's texts become fit for rows", "[jobs]") {
  IndexFileResult result;
  result.language = std::string("\xff\0", 2);
  CHECK(index_file_result(encode(result))->language == "\\xff\\x00");
}

TEST_CASE(
    "index file: known bytes are unchanged until an attempt has begun, quarantined ones always",
    "[jobs]") {
  const auto [taken_before, is_quarantined, unchanged] = GENERATE(table<bool, bool, bool>(
      {{false, false, true}, {true, false, false}, {false, true, true}, {true, true, true}}));
  const IndexFile file{"a", "", sha256("bytes"), is_quarantined};
  Job job;
  job.taken_before = taken_before;
  CHECK(file.is_unchanged(sha256("bytes"), job) == unchanged);
  CHECK_FALSE(file.is_unchanged(sha256("others"), job));
  CHECK_FALSE(IndexFile{"a"}.is_unchanged(sha256("bytes"), job));
}

}  // namespace forkdex
