#include "tests/unit/word_corpus.h"

#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "common/base/hash.h"
#include "common/words/lexemes.h"
#include "tests/unit/postgres_fixture.h"
#include "worker/store/copy_encoder.h"
#include "worker/store/word_store.h"

namespace forkdex::test {
namespace {

constexpr std::int16_t kColumns = 20;
constexpr const char* kCopy =
    "COPY forkdex.chunks (id, repository_id, path_hash, path, ordinal, kind, name, qualified_name, "
    "parent, signature, docstring, start_line, end_line, definition_line, start_byte, end_byte, "
    "source, content_hash, metadata, lexemes) FROM STDIN (FORMAT binary); COMMIT";

std::string lexemes_of(const WordChunk& chunk) {
  ChunkWords words;
  words.add(WordField::kName, chunk.name);
  words.add(WordField::kSignature, chunk.signature);
  words.add(WordField::kDocs, chunk.docs);
  words.add(WordField::kBody, chunk.body);
  return words.tsvector();
}

void encode(const WordChunk& chunk, CopyEncoder& rows) {
  const std::string path = path_of(chunk);
  rows.row(kColumns)
      .int8(chunk.id)
      .int4(static_cast<std::int32_t>(chunk.repository))
      .bytea(sha256(path))
      .text(path)
      .int4(static_cast<std::int32_t>(chunk.id))
      .text(chunk.kind)
      .text(chunk.name)
      .text(chunk.name)
      .text("")
      .text(chunk.signature)
      .text(chunk.docs)
      .int4(chunk.line)
      .int4(chunk.line)
      .int4(chunk.line)
      .int8(0)
      .int8(1)
      .text(chunk.body)
      .bytea(sha256(chunk.body))
      .jsonb("{}");
  if (chunk.has_lexemes)
    rows.tsvector(lexemes_of(chunk));
  else
    rows.null();
}

}  // namespace

std::string path_of(const WordChunk& chunk) {
  return chunk.path.empty() ? fmt::format("{}.py", chunk.id) : chunk.path;
}

void add_repositories(PgConnection& connection, int count) {
  must_run(connection, fmt::format("INSERT INTO forkdex.repositories (name, root) SELECT 'r' || n, "
                                   "'/r' || n FROM generate_series(1, {}) n",
                                   count));
}

void add_word_chunks(PgConnection& connection, const std::vector<WordChunk>& chunks) {
  CopyEncoder rows;
  std::set<std::pair<std::int64_t, std::string>> files;
  must_run(connection, "BEGIN");
  for (const WordChunk& chunk : chunks) {
    encode(chunk, rows);
    if (!files.emplace(chunk.repository, path_of(chunk)).second) continue;
    const auto added = connection.run(
        "INSERT INTO forkdex.files (repository_id, path_hash, path, language, state) VALUES "
        "($1, sha256($2::text::bytea), $2, $3, 'indexed') ON CONFLICT DO NOTHING",
        {std::to_string(chunk.repository), path_of(chunk), chunk.language});
    if (!added) throw std::runtime_error(added.error().text());
  }
  const auto copied = connection.copy_in(kCopy, rows.finish());
  if (!copied) throw std::runtime_error(copied.error().text());
}

std::uint64_t merge_words(PgConnection& connection, std::int64_t repository,
                          const MergeWords& job) {
  const auto merged = WordStore(connection, repository).merge(job, [] {});
  if (!merged) throw std::runtime_error(merged.error().text());
  return *merged;
}

}  // namespace forkdex::test
