#include "supervisor/answer/word_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "common/words/word_segment.h"
#include "common/words/words.h"
#include "supervisor/answer/word_index.h"
#include "supervisor/terminal/log.h"
#include "tests/support/seed.h"
#include "tests/unit/postgres_fixture.h"
#include "tests/unit/word_corpus.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::merge_words;
using test::must_run;
using test::WordChunk;

constexpr std::size_t kAll = 1'000'000;

/// Collects the log for as long as it lives.
class Warnings {
 public:
  Warnings() {
    redirect_log([this](std::string_view line) { lines.emplace_back(line); });
  }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  ~Warnings() { redirect_log({}); }
  std::vector<std::string> lines;
};

/// Chunks in a database of two repositories.
class Corpus {
 public:
  Corpus(const std::string& database, std::vector<WordChunk> all)
      : connection(connect(fresh_database(database))), chunks(std::move(all)) {
    test::add_repositories(connection, 2);
    test::add_word_chunks(connection, chunks);
  }

  void merge(std::int64_t first, std::int64_t last, std::int64_t repository = 1) {
    merge_words(connection, repository, {.first_chunk = first, .last_chunk = last});
  }

  void remove_segments() { must_run(connection, "DELETE FROM forkdex.word_segments"); }

  std::vector<Hit> hits(const std::string& text, const SearchFilters& filters = {}) {
    auto found = find_by_words(connection, text, filters);
    if (!found) throw std::runtime_error(found.error().text());
    return *std::move(found);
  }

  std::vector<std::int64_t> ids(const std::string& text, const SearchFilters& filters = {}) {
    std::vector<std::int64_t> all;
    for (const Hit& hit : hits(text, filters)) all.push_back(hit.chunk_id);
    return all;
  }

  PgConnection connection;
  std::vector<WordChunk> chunks;
};

using Ids = std::vector<std::int64_t>;

/// BM25F by its definition, of lengths as they are or as segments keep them.
class PlainScores {
 public:
  explicit PlainScores(const std::vector<WordChunk>& chunks, bool rounded) : rounded_(rounded) {
    for (const WordChunk& chunk : chunks) {
      Document document{chunk.id, {}, 0};
      const std::array<std::string, 4> fields = {chunk.name, chunk.signature, chunk.docs,
                                                 chunk.body};
      for (std::size_t field = 0; field < fields.size(); ++field)
        if (chunk.has_lexemes)
          for_each_word(fields[field], [&](std::string_view word) {
            document.words[std::string(word)][field] += 1;
            document.length += 1;
          });
      for (const auto& [word, counts] : document.words) ++chunks_with_[word];
      words_ += document.length;
      documents_.push_back(std::move(document));
    }
  }

  /// The chunks that have any of the question's words.
  std::map<std::int64_t, double> of(const std::string& question) const {
    std::set<std::string> words;
    for_each_word(question, [&](std::string_view word) { words.emplace(word); });
    std::map<std::int64_t, double> scores;
    const double count = static_cast<double>(documents_.size());
    for (const Document& document : documents_)
      for (const std::string& word : words) {
        const auto there = document.words.find(word);
        if (there == document.words.end()) continue;
        const double with = chunks_with_.at(word);
        const double idf = std::log((count + 1) / (with + 0.5));
        const double length =
            rounded_ ? length_of(length_code(static_cast<std::size_t>(document.length)))
                     : document.length;
        const double norm = 0.5 + 0.5 * length / (words_ / count);
        const auto& [name, signature, docs, body] = there->second;
        const double frequency = 5 * name + signature + docs / norm + body / norm;
        scores[document.id] += idf * 2.2 * frequency / (1.2 + frequency);
      }
    return scores;
  }

 private:
  struct Document {
    std::int64_t id;
    std::map<std::string, std::array<double, 4>> words;
    double length;
  };
  bool rounded_;
  std::vector<Document> documents_;
  std::map<std::string, double> chunks_with_;
  double words_ = 0;
};

/// A word of few that are frequent and many that are not.
std::string random_word(std::mt19937& random) {
  const std::size_t number = random() % (1 + random() % (1 + random() % 200));
  return fmt::format("{}{}", number % 3 == 0 ? "alpha" : "beta",
                     std::string(1 + number / 26, 'x')) +
         static_cast<char>('a' + number % 26);
}

std::string random_text(std::mt19937& random, std::size_t most) {
  std::string text;
  for (std::size_t i = random() % (most + 1); i > 0; --i) text += random_word(random) + " ";
  return text;
}

std::vector<WordChunk> random_chunks(std::mt19937& random, std::size_t count) {
  std::vector<WordChunk> chunks;
  std::int64_t id = 0;
  for (std::size_t i = 0; i < count; ++i) {
    id += 1 + static_cast<std::int64_t>(random() % 3);
    const std::size_t most = random() % 5 == 0 ? 200 : 20;
    chunks.push_back({.id = id,
                      .body = random_text(random, most),
                      .docs = random_text(random, 6),
                      .signature = random_text(random, 3),
                      .name = random_text(random, 2),
                      .has_lexemes = random() % 20 != 0});
  }
  return chunks;
}

/// Chunks that say nothing but `word`, `count` of them from `first` on.
void add_plain(std::vector<WordChunk>& chunks, std::int64_t first, std::int64_t count,
               const WordChunk& like) {
  for (std::int64_t id = first; id < first + count; ++id) {
    chunks.push_back(like);
    chunks.back().id = id;
  }
}

SearchFilters with_limit(std::size_t limit) {
  SearchFilters filters;
  filters.limit = limit;
  return filters;
}

/// That `corpus` answers random questions with the scores of `plain`, the best first.
void check_answers(Corpus& corpus, const PlainScores& plain, const PlainScores& exact,
                   std::mt19937& random) {
  for (int round = 0; round < 25; ++round) {
    std::string question = random_text(random, 5) + random_word(random);
    if (round % 5 == 0) question += " unknownword";
    CAPTURE(question);
    const auto expected = plain.of(question);
    const auto unrounded = exact.of(question);
    const std::vector<Hit> hits = corpus.hits(question, with_limit(kAll));
    REQUIRE(hits.size() == expected.size());
    double last = HUGE_VAL;
    for (const Hit& hit : hits) {
      REQUIRE(expected.contains(hit.chunk_id));
      if (std::abs(hit.score - expected.at(hit.chunk_id)) > 1e-9 * hit.score)
        FAIL("chunk " << hit.chunk_id << " has " << hit.score << ", not "
                      << expected.at(hit.chunk_id));
      if (std::abs(hit.score - unrounded.at(hit.chunk_id)) > 0.04 * hit.score)
        FAIL("rounding changes the score of chunk " << hit.chunk_id);
      if (hit.score > last) FAIL("chunk " << hit.chunk_id << " comes too late");
      last = hit.score;
    }
    const std::vector<Hit> best = corpus.hits(question, with_limit(7));
    REQUIRE(best.size() == std::min<std::size_t>(7, hits.size()));
    for (std::size_t i = 0; i < best.size(); ++i) CHECK(best[i].chunk_id == hits[i].chunk_id);
  }
}

}  // namespace

TEST_CASE("word search: the same chunks in no, one, three or half a segment -> BM25F of them",
          "[words][postgres]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Corpus corpus("word_search_scores", random_chunks(random, 400));
  const std::int64_t last = corpus.chunks.back().id;
  const PlainScores exact(corpus.chunks, false);
  const PlainScores plain(corpus.chunks, true);
  using Segments = std::vector<std::pair<std::int64_t, std::int64_t>>;
  for (const Segments& segments :
       {Segments{}, Segments{{1, last}}, Segments{{1, 100}, {101, 300}, {301, last}},
        Segments{{1, last / 2}}, Segments{{last / 2, last}}, Segments{{100, 200}},
        Segments{{50, 100}, {201, 300}}, Segments{{1, 1}, {last, last}}}) {
    corpus.remove_segments();
    for (const auto& [from, to] : segments) corpus.merge(from, to);
    CAPTURE(segments);
    check_answers(corpus, plain, exact, random);
  }
}

TEST_CASE("word search: very many chunks in no segment -> a sample says how long they are",
          "[words][postgres]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Corpus corpus("word_search_many", random_chunks(random, 3000));
  const PlainScores plain(corpus.chunks, false);
  for (int round = 0; round < 10; ++round) {
    const std::string question = random_word(random) + " " + random_word(random);
    CAPTURE(question);
    const auto expected = plain.of(question);
    const std::vector<Hit> hits = corpus.hits(question, with_limit(kAll));
    REQUIRE(hits.size() == expected.size());
    for (const Hit& hit : hits)
      if (std::abs(hit.score - expected.at(hit.chunk_id)) > 0.15 * hit.score)
        FAIL("chunk " << hit.chunk_id << " has " << hit.score);
  }
}

TEST_CASE("word search: a word in a name -> before one in a body; a rare one before a frequent",
          "[words][postgres]") {
  std::vector<WordChunk> chunks = {{.id = 1, .body = "parse the header of a request"},
                                   {.id = 2, .body = "nothing here", .name = "parseHeader"},
                                   {.id = 3, .body = "the request the request the request"},
                                   {.id = 4, .body = "seldom"},
                                   {.id = 5, .body = "the"}};
  Corpus corpus("word_search_order", chunks);
  for (const bool in_segment : {false, true}) {
    CAPTURE(in_segment);
    if (in_segment) corpus.merge(1, 5);
    CHECK(corpus.ids("parse header") == Ids{2, 1});
    CHECK(corpus.ids("ParseHeader") == Ids{2, 1});
    CHECK(corpus.ids("the seldom").front() == 4);
    CHECK(corpus.ids("request").front() == 3);
  }
}

TEST_CASE("word search: chunks of a segment that are gone -> never come, nor use up the limit",
          "[words][postgres]") {
  std::vector<WordChunk> chunks;
  add_plain(chunks, 1, 500, {.body = "word", .name = "word"});
  add_plain(chunks, 501, 20, {.body = "word and a great many others that make it long"});
  Corpus corpus("word_search_gone", chunks);
  corpus.merge(1, 520);
  must_run(corpus.connection, "DELETE FROM forkdex.chunks WHERE id <= 500");
  const Ids found = corpus.ids("word");
  CHECK(found.size() == 10);
  CHECK(std::all_of(found.begin(), found.end(), [](std::int64_t id) { return id > 500; }));
  CHECK(corpus.ids("word", with_limit(100)).size() == 20);
  must_run(corpus.connection, "DELETE FROM forkdex.chunks");
  CHECK(corpus.ids("word").empty());
}

TEST_CASE("word search: what it is narrowed to -> is found however many others come before",
          "[words][postgres]") {
  std::vector<WordChunk> chunks;
  add_plain(chunks, 1, 1500, {.body = "word", .name = "word"});
  const std::string poor = "word and a great many others that make it long";
  chunks.push_back({.id = 1501, .body = poor, .path = "r2.py", .repository = 2});
  chunks.push_back({.id = 1502, .body = poor, .path = "go/a.go", .language = "go"});
  chunks.push_back({.id = 1503, .body = poor, .path = "b.py", .kind = "class"});
  Corpus corpus("word_search_narrowed", chunks);
  for (const bool in_segment : {false, true}) {
    CAPTURE(in_segment);
    if (in_segment) corpus.merge(1, 1503);
    if (in_segment) corpus.merge(1, 1503, 2);
    CHECK(corpus.ids("word", {.repository = "r2"}) == Ids{1501});
    CHECK(corpus.ids("word", {.language = "go"}) == Ids{1502});
    CHECK(corpus.ids("word", {.kind = "class"}) == Ids{1503});
    CHECK(corpus.ids("word", {.path_glob = "go/*"}) == Ids{1502});
    CHECK(corpus.ids("word", {.path_glob = "b.py", .kind = "class", .limit = 1}) == Ids{1503});
    CHECK(corpus.ids("word", {.repository = "r1", .path_glob = "r2.py"}).empty());
    CHECK(corpus.ids("word", {.language = "rust"}).empty());
    CHECK(corpus.ids("word", {.limit = 2000}).size() == 1503);
    CHECK(corpus.hits("word", {.repository = "r2"}).at(0).repository == "r2");
  }
}

TEST_CASE("word search: the parts of one definition -> one hit, the best", "[words][postgres]") {
  std::vector<WordChunk> chunks;
  add_plain(chunks, 1, 300,
            {.body = "word and other words", .name = "long", .path = "long.py", .line = 7});
  chunks[200].body = "word";
  add_plain(chunks, 301, 1, {.body = "word among very many others of no use", .path = "next.py"});
  Corpus corpus("word_search_parts", chunks);
  for (const bool in_segment : {false, true}) {
    CAPTURE(in_segment);
    if (in_segment) corpus.merge(1, 301);
    CHECK(corpus.ids("word") == Ids{201, 301});
  }
}

TEST_CASE("word search: a question without words, or of unknown ones -> no hits",
          "[words][postgres]") {
  Corpus corpus("word_search_none", {{.id = 1, .body = "word"}, {.id = 2, .body = "__init__ x"}});
  for (const bool in_segment : {false, true}) {
    CAPTURE(in_segment);
    if (in_segment) corpus.merge(1, 2);
    for (const char* question : {"", " ", "%%% ' \\ \"", "unknown", "wor", "words", "_", "\xff",
                                 "'word", "word'", "w o r d"}) {
      CAPTURE(question);
      const bool has_word =
          std::string(question).find("word'") == 0 || std::string(question).find("'word") == 0;
      CHECK(corpus.ids(question).size() == (has_word ? 1 : 0));
    }
    CHECK(corpus.ids("__init__") == Ids{2});
    CHECK(corpus.ids("init") == Ids{2});
    CHECK(corpus.ids("WORD unknown") == Ids{1});
  }
  Corpus empty("word_search_empty", {});
  CHECK(empty.ids("word").empty());
  must_run(empty.connection, "DELETE FROM forkdex.repositories");
  CHECK(empty.ids("word").empty());
}

TEST_CASE("word search: a question of a thousand words -> its first 64 count",
          "[words][postgres]") {
  std::string question;
  for (int i = 0; i < 1000; ++i) question += fmt::format("w{}x ", i);
  CHECK(words_of_query(question).size() == kMostQueryWords);
  CHECK(words_of_query("word Word WORD word_") == std::vector<std::string>{"word", "word_"});
  Corpus corpus("word_search_thousand", {{.id = 1, .body = "w0x"}, {.id = 2, .body = "w999x"}});
  CHECK(corpus.ids(question) == Ids{1});
  corpus.merge(1, 2);
  CHECK(corpus.ids(question) == Ids{1});
}

TEST_CASE("word search: words of scripts without spaces, and of all of Unicode -> are found",
          "[words][postgres]") {
  Corpus corpus("word_search_scripts",
                {{.id = 1, .body = "\u65e5\u672c\u8a9e\u306e\u6587\u5b57"},
                 {.id = 2, .body = "\u0413\u0440\u043e\u043c\u043a\u0438\u0439"},
                 {.id = 3, .body = "Gr\u00f6\u00dfe"}});
  for (const bool in_segment : {false, true}) {
    CAPTURE(in_segment);
    if (in_segment) corpus.merge(1, 3);
    CHECK(corpus.ids("\u65e5\u672c") == Ids{1});
    CHECK(corpus.ids("\u8a9e\u306e\u6587") == Ids{1});
    CHECK(corpus.ids("\u0433\u0440\u043e\u043c\u043a\u0438\u0439") == Ids{2});
    CHECK(corpus.ids("gr\u00d6\u00dfe") == Ids{3});
  }
}

TEST_CASE("word search: an unknown repository -> is named, and the next question is answered",
          "[words][postgres]") {
  Corpus corpus("word_search_unknown", {{.id = 1, .body = "word"}});
  const auto found = find_by_words(corpus.connection, "word", {.repository = "absent"});
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == ErrorCode::kUsage);
  CHECK(found.error().sentence.find("absent") != std::string::npos);
  CHECK(corpus.ids("word") == Ids{1});
}

TEST_CASE("word search: a segment that cannot be read -> a warning, and the answer is the same",
          "[words][postgres]") {
  std::vector<WordChunk> chunks;
  for (std::int64_t id = 1; id <= 60; ++id)
    chunks.push_back(
        {.id = id,
         .body = fmt::format("word {}", std::string(static_cast<std::size_t>(id), 'x')) + " more",
         .name = id % 7 == 0 ? "word" : "other"});
  Corpus corpus("word_search_damaged", chunks);
  const Ids expected = corpus.ids("word", with_limit(100));
  REQUIRE(expected.size() == 60);
  for (const char* damage :
       {"UPDATE forkdex.word_segments SET documents = '\\x00' WHERE first_chunk = 21",
        "UPDATE forkdex.word_segments SET documents = '' WHERE first_chunk = 21",
        "UPDATE forkdex.word_segments SET documents = documents || '\\x0101' WHERE first_chunk = 1",
        "UPDATE forkdex.word_segments SET chunks = 2000000000 WHERE first_chunk = 21",
        "UPDATE forkdex.word_segments SET chunks = -1 WHERE first_chunk = 41",
        "UPDATE forkdex.word_segments SET bits = 31 WHERE first_chunk = 41",
        "UPDATE forkdex.word_segments SET bits = -1 WHERE first_chunk = 1",
        "UPDATE forkdex.word_segments SET words = -1 WHERE first_chunk = 1",
        "UPDATE forkdex.word_segments SET last_chunk = 30 WHERE first_chunk = 21",
        "UPDATE forkdex.word_segments SET first_chunk = 25 WHERE first_chunk = 21",
        ("UPDATE forkdex.word_postings SET postings = '\\xff' WHERE segment_id = (SELECT id FROM "
         "forkdex.word_segments WHERE first_chunk = 21)"),
        // One byte short: the last word is cut, which all before it do not show.
        ("UPDATE forkdex.word_postings SET postings = substr(postings, 1, 12) WHERE segment_id = "
         "(SELECT id FROM forkdex.word_segments WHERE first_chunk = 41)")}) {
    CAPTURE(damage);
    corpus.remove_segments();
    corpus.merge(1, 20);
    corpus.merge(21, 40);
    corpus.merge(41, 60);
    CHECK(must_run(corpus.connection, damage).affected() == 1);
    Warnings warnings;
    const Ids found = corpus.ids("word", with_limit(100));
    CHECK(std::set<std::int64_t>(found.begin(), found.end()) ==
          std::set<std::int64_t>(expected.begin(), expected.end()));
    CHECK(found.size() == 60);
    REQUIRE(warnings.lines.size() == 1);
    CHECK(warnings.lines[0].find("words.unreadable") != std::string::npos);
    CHECK(warnings.lines[0].find("--full") != std::string::npos);
  }
}

}  // namespace forkdex
