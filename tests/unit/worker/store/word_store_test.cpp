#include "worker/store/word_store.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include "common/words/word_segment.h"
#include "supervisor/database/server/worker_role.h"
#include "tests/unit/postgres_fixture.h"
#include "tests/unit/word_corpus.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::merge_words;
using test::must_run;
using test::WordChunk;

/// A database of two repositories and of chunks with words.
class Store {
 public:
  explicit Store(const std::string& database)
      : url(fresh_database(database)), connection(connect(url)) {
    test::add_repositories(connection, 2);
  }

  /// Chunks of the repository 1, each with its number and two other words.
  void add_numbers(std::int64_t first, std::int64_t last) {
    std::vector<WordChunk> chunks;
    for (std::int64_t id = first; id <= last; ++id)
      chunks.push_back({.id = id, .body = fmt::format("every {} every", id), .name = "named"});
    test::add_word_chunks(connection, chunks);
  }

  /// "FIRST-LAST: CHUNKS, WORDS" for each segment.
  std::vector<std::string> segments(std::int64_t repository = 1) {
    const PgRows rows = must_run(
        connection, fmt::format("SELECT first_chunk || '-' || last_chunk || ': ' || chunks || "
                                "', ' || words FROM forkdex.word_segments WHERE repository_id = "
                                "{} ORDER BY first_chunk, last_chunk",
                                repository));
    std::vector<std::string> texts;
    for (int row = 0; row < rows.size(); ++row) texts.emplace_back(rows.text(row, 0));
    return texts;
  }

  std::vector<std::int64_t> ids() {
    const PgRows rows =
        must_run(connection, "SELECT id FROM forkdex.word_segments ORDER BY first_chunk");
    std::vector<std::int64_t> found;
    for (int row = 0; row < rows.size(); ++row) found.push_back(rows.integer(row, 0));
    return found;
  }

  /// The chunks that have `word` in any segment, "ID: counts", one a line.
  std::vector<std::string> chunks_with(const std::string& word) {
    const PgRows segments = must_run(connection,
                                     "SELECT id, chunks, bits, documents FROM "
                                     "forkdex.word_segments ORDER BY first_chunk, last_chunk");
    std::vector<std::string> texts;
    for (int row = 0; row < segments.size(); ++row) {
      const auto size = static_cast<std::size_t>(segments.integer(row, 1));
      const auto chunks = read_documents(bytes_from_bytea(segments.text(row, 3)), size);
      REQUIRE(chunks);
      const auto bits = static_cast<unsigned>(segments.integer(row, 2));
      const PgRows bucket = must_run(
          connection, fmt::format("SELECT postings FROM forkdex.word_postings WHERE segment_id = "
                                  "{} AND bucket = {}",
                                  segments.integer(row, 0), word_bucket(word, bits)));
      if (bucket.empty()) continue;
      const std::string bytes = bytes_from_bytea(bucket.text(0, 0));
      const auto postings = find_word(bytes, word);
      REQUIRE(postings);
      REQUIRE(for_each_posting(*postings, size, [&](std::size_t chunk, const WordCounts& counts) {
        texts.push_back(fmt::format("{}: {}", chunks->at(chunk).id, fmt::join(counts, " ")));
      }));
    }
    return texts;
  }

  std::string url;
  PgConnection connection;
};

using Texts = std::vector<std::string>;

const auto kIgnored = [] {};

}  // namespace

TEST_CASE("word store: a range of chunks -> a segment of their words", "[words][postgres]") {
  Store store("word_store_segment");
  test::add_word_chunks(
      store.connection,
      {{.id = 2, .body = "line line", .docs = "a line", .signature = "read line", .name = "line"},
       {.id = 3, .body = "line", .repository = 2},
       {.id = 5, .body = "other"},
       {.id = 9, .body = "line"},
       {.id = 11, .body = "line"}});
  CHECK(merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10}) == 3);
  CHECK(store.segments() == Texts{"1-10: 3, 9"});
  CHECK(store.segments(2).empty());
  CHECK(store.chunks_with("line") == Texts{"2: 1 1 1 2", "9: 0 0 0 1"});
  CHECK(store.chunks_with("other") == Texts{"5: 0 0 0 1"});
  CHECK(store.chunks_with("absent").empty());
}

TEST_CASE("word store: chunks without words, or of an older program -> count as chunks",
          "[words][postgres]") {
  Store store("word_store_null");
  test::add_word_chunks(store.connection, {{.id = 1, .body = "word", .has_lexemes = false},
                                           {.id = 2, .body = "{}"},
                                           {.id = 3, .body = "word"},
                                           {.id = 4, .body = "word", .has_lexemes = false}});
  CHECK(merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 4}) == 4);
  CHECK(store.segments() == Texts{"1-4: 4, 1"});
  CHECK(store.chunks_with("word") == Texts{"3: 0 0 0 1"});
}

TEST_CASE("word store: a segment in the place of others -> a reader sees them or it",
          "[words][postgres]") {
  Store store("word_store_replace");
  store.add_numbers(1, 30);
  merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10});
  merge_words(store.connection, 1, {.first_chunk = 11, .last_chunk = 20});
  const auto replaced = store.ids();
  PgConnection reader = connect(store.url);
  const std::string all = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM forkdex.word_segments";
  must_run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  const std::string before(must_run(reader, all).text(0, 0));
  CHECK(merge_words(store.connection, 1, {1, 30, replaced}) == 30);
  CHECK(must_run(reader, all).text(0, 0) == before);
  CHECK(must_run(reader, "SELECT count(DISTINCT segment_id) FROM forkdex.word_postings")
            .integer(0, 0) == 2);
  must_run(reader, "COMMIT");
  CHECK(store.segments() == Texts{"1-30: 30, 120"});
  CHECK(store.chunks_with("every").size() == 30);
  CHECK(store.chunks_with("named").size() == 30);
  CHECK(must_run(reader, "SELECT count(DISTINCT segment_id) FROM forkdex.word_postings")
            .integer(0, 0) == 1);
}

TEST_CASE("word store: a range whose chunks are gone -> no segment", "[words][postgres]") {
  Store store("word_store_gone");
  CHECK(merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10}) == 0);
  CHECK(store.segments().empty());
  store.add_numbers(1, 10);
  merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10});
  must_run(store.connection, "DELETE FROM forkdex.chunks");
  CHECK(merge_words(store.connection, 1, {1, 10, store.ids()}) == 0);
  CHECK(store.segments().empty());
  CHECK(must_run(store.connection, "SELECT count(*) FROM forkdex.word_postings").integer(0, 0) ==
        0);
  // Nothing is left open.
  store.add_numbers(11, 12);
  CHECK(merge_words(store.connection, 1, {.first_chunk = 11, .last_chunk = 12}) == 2);
}

TEST_CASE("word store: two merges at once that replace one segment -> the later one fails",
          "[words][postgres]") {
  Store store("word_store_at_once");
  store.add_numbers(1, 2100);
  merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 1500});
  const auto replaced = store.ids();
  PgConnection other = connect(store.url);
  bool is_first = true;
  const auto merged = WordStore(store.connection, 1).merge({1, 2000, replaced}, [&] {
    if (is_first) merge_words(other, 1, {1, 2050, replaced});
    is_first = false;
  });
  REQUIRE_FALSE(is_first);
  REQUIRE_FALSE(merged.ok());
  CHECK(merged.error().code == ErrorCode::kRowRefused);
  CHECK(store.segments() == Texts{"1-2050: 2050, 8200"});
  CHECK(store.chunks_with("1600") == Texts{"1600: 0 0 0 1"});
  // The connection goes on.
  CHECK(merge_words(store.connection, 1, {.first_chunk = 2051, .last_chunk = 2100}) == 50);
}

TEST_CASE("word store: a merge planned before another one -> fails, and no chunk is in two",
          "[words][postgres]") {
  Store store("word_store_stale");
  store.add_numbers(1, 40);
  merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10});
  merge_words(store.connection, 1, {.first_chunk = 11, .last_chunk = 20});
  merge_words(store.connection, 1, {.first_chunk = 21, .last_chunk = 30});
  const auto planned = store.ids();
  merge_words(store.connection, 1, {1, 20, {planned[0], planned[1]}});
  const Texts segments = {"1-20: 20, 80", "21-30: 10, 40"};
  REQUIRE(store.segments() == segments);
  for (const MergeWords& late :
       {MergeWords{1, 20, {planned[0], planned[1]}}, MergeWords{11, 30, {planned[1], planned[2]}},
        MergeWords{11, 20, {planned[1]}}, MergeWords{1, 40, {}}, MergeWords{11, 40, {}},
        MergeWords{5, 6, {}}, MergeWords{30, 40, {}}, MergeWords{31, 40, {planned[0]}}}) {
    CAPTURE(late.first_chunk, late.last_chunk, late.replaced);
    const auto merged = WordStore(store.connection, 1).merge(late, kIgnored);
    CHECK_FALSE(merged.ok());
    if (!merged) CHECK(merged.error().code == ErrorCode::kRowRefused);
    CHECK(store.segments() == segments);
  }
  CHECK(merge_words(store.connection, 1, {.first_chunk = 31, .last_chunk = 40}) == 10);
}

TEST_CASE("word store: lexemes that forkdex did not write -> an error that names the chunk",
          "[words][postgres]") {
  Store store("word_store_foreign");
  store.add_numbers(1, 3);
  must_run(store.connection, "UPDATE forkdex.chunks SET lexemes = 'word' WHERE id = 2");
  const auto merged =
      WordStore(store.connection, 1).merge({.first_chunk = 1, .last_chunk = 3}, kIgnored);
  REQUIRE_FALSE(merged.ok());
  CHECK(merged.error().text().find("chunk 2") != std::string::npos);
  CHECK(store.segments().empty());
}

TEST_CASE("word store: more chunks than a segment takes -> an error, and no segment",
          "[words][postgres]") {
  Store store("word_store_full");
  store.add_numbers(1, 1);
  must_run(store.connection,
           fmt::format("INSERT INTO forkdex.chunks (id, repository_id, path_hash, path, ordinal, "
                       "kind, name, qualified_name, parent, signature, docstring, start_line, "
                       "end_line, definition_line, start_byte, end_byte, source, content_hash, "
                       "metadata) OVERRIDING SYSTEM VALUE SELECT n, 1, '', '', n, 'text', '', '', "
                       "'', '', '', 1, 1, 1, 0, 1, '', '', '{{}}' FROM generate_series(2, {}) n",
                       kMaxWordSegmentChunks + 1));
  const auto last = static_cast<std::int64_t>(kMaxWordSegmentChunks);
  const auto merged =
      WordStore(store.connection, 1).merge({.first_chunk = 1, .last_chunk = last + 1}, kIgnored);
  REQUIRE_FALSE(merged.ok());
  CHECK(merged.error().code == ErrorCode::kRowRefused);
  CHECK(store.segments().empty());
  int moved = 0;
  const auto full =
      WordStore(store.connection, 1).merge({.first_chunk = 1, .last_chunk = last}, [&] {
        ++moved;
      });
  REQUIRE((full.ok() ? "" : full.error().text()) == "");
  CHECK(*full == kMaxWordSegmentChunks);
  CHECK(moved == 64 + 3);  // while chunks are read, and between the statements behind that
  CHECK(store.chunks_with("every").size() == 1);
}

TEST_CASE("word store: the role of workers -> may merge", "[words][postgres]") {
  Store store("word_store_role");
  store.add_numbers(1, 20);
  REQUIRE(prepare_worker_role(store.connection).ok());
  must_run(store.connection, fmt::format("SET ROLE {}", kWorkerRole));
  merge_words(store.connection, 1, {.first_chunk = 1, .last_chunk = 10});
  CHECK(merge_words(store.connection, 1, {1, 20, store.ids()}) == 20);
}

}  // namespace forkdex
