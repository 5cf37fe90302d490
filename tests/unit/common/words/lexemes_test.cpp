#include "common/words/lexemes.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "common/base/utf8.h"
#include "common/words/words.h"
#include "tests/support/seed.h"
#include "tests/unit/postgres_fixture.h"
#include "worker/store/copy_encoder.h"

namespace forkdex {
namespace {

using test::must_run;
using Counts = std::map<std::string, WordCounts>;

/// A table of one tsvector, as chunks have it.
class Column {
 public:
  explicit Column(const std::string& database)
      : connection_(test::connect(test::fresh_database(database, true))) {
    must_run(connection_, "CREATE TABLE t (id int PRIMARY KEY, lexemes tsvector)");
  }

  /// The text of `words` after PostgreSQL has had them; throws what it says against them.
  std::string text_of(const ChunkWords& words) {
    CopyEncoder rows;
    rows.row(2).int4(1).tsvector(words.tsvector());
    must_run(connection_, "TRUNCATE t");
    const auto copied = connection_.copy_in("COPY t FROM STDIN (FORMAT binary)", rows.finish());
    if (!copied) throw std::runtime_error(copied.error().text());
    return std::string(must_run(connection_, "SELECT lexemes::text FROM t").text(0, 0));
  }

  Counts counts_of(const ChunkWords& words) {
    const std::string text = text_of(words);
    Counts counts;
    const bool is_read = for_each_lexeme(text, [&](std::string_view word, const WordCounts& found) {
      if (!counts.emplace(word, found).second) throw std::runtime_error("a word came twice");
    });
    if (!is_read) throw std::runtime_error("cannot be read: " + text.substr(0, 1000));
    return counts;
  }

  PgConnection& connection() { return connection_; }

 private:
  PgConnection connection_;
};

using Field = std::pair<WordField, std::string>;

/// Counted by hand, without limits.
std::map<std::string, std::array<std::size_t, kWordFields>> counted(
    const std::vector<Field>& fields) {
  std::map<std::string, std::array<std::size_t, kWordFields>> counts;
  for (const auto& [field, text] : fields)
    for_each_word(text, [&](std::string_view word) {
      ++counts[std::string(word)][static_cast<std::size_t>(field)];
    });
  return counts;
}

ChunkWords words_of(const std::vector<Field>& fields) {
  ChunkWords words;
  for (const auto& [field, text] : fields) words.add(field, text);
  return words;
}

/// The `number`th of many words of as many bytes as a word may have.
std::string long_word(std::size_t number) {
  std::string word = fmt::format("{:07}", number);
  for (char& digit : word) digit = static_cast<char>(digit - '0' + 'a');
  return word + std::string(kMaxWordBytes - word.size(), 'z');
}

bool is_readable(std::string_view text) {
  return for_each_lexeme(text, [](std::string_view, const WordCounts&) {});
}

}  // namespace

TEST_CASE("lexemes: words of each field -> PostgreSQL -> the same words and counts",
          "[words][postgres]") {
  Column column("lexemes_fields");
  const ChunkWords words = words_of({{WordField::kName, "parseHeader"},
                                     {WordField::kName, "http.parseHeader"},
                                     {WordField::kSignature, "def parseHeader(line)"},
                                     {WordField::kDocs, "Parse a line, a LINE."},
                                     {WordField::kBody, "line line line"}});
  CHECK(column.counts_of(words) == Counts{{"a", {0, 0, 2, 0}},
                                          {"def", {0, 1, 0, 0}},
                                          {"header", {2, 1, 0, 0}},
                                          {"http", {1, 0, 0, 0}},
                                          {"line", {0, 1, 2, 3}},
                                          {"parse", {2, 1, 1, 0}},
                                          {"parseheader", {2, 1, 0, 0}}});
  CHECK(column.text_of(words_of({{WordField::kName, "b"}, {WordField::kBody, "a b"}})) ==
        "'a':2 'b':1A,3");
}

TEST_CASE("lexemes: a chunk without words -> an empty tsvector, which has no words",
          "[words][postgres]") {
  Column column("lexemes_empty");
  CHECK(column.text_of(ChunkWords()).empty());
  CHECK(column.counts_of(words_of({{WordField::kBody, "{ } ;"}})).empty());
  CHECK(is_readable(""));
}

TEST_CASE("lexemes: the first 255 of one word and the first 16,383 of all count",
          "[words][postgres]") {
  Column column("lexemes_caps");
  std::string often;
  for (int i = 0; i < 300; ++i) often += "often ";
  CHECK(column.counts_of(words_of({{WordField::kBody, often}})) ==
        Counts{{"often", {0, 0, 0, 255}}});
  CHECK(column.counts_of(words_of({{WordField::kName, "often often"},
                                   {WordField::kDocs, often},
                                   {WordField::kBody, often + "seldom"}})) ==
        Counts{{"often", {2, 0, 253, 0}}, {"seldom", {0, 0, 0, 1}}});

  std::string many;
  for (int i = 0; i < 20'000; ++i) many += fmt::format("{} ", i);
  const Counts counts = column.counts_of(words_of({{WordField::kBody, many}}));
  CHECK(counts.size() == 16'383);
  CHECK(counts.contains("16382"));
  CHECK_FALSE(counts.contains("16383"));
  // Positions run out as well while words that have had their 255 come.
  std::string both;
  for (int i = 0; i < 20'000; ++i) both += "often ";
  CHECK(column.counts_of(words_of({{WordField::kBody, both + "late"}})) ==
        Counts{{"often", {0, 0, 0, 255}}});
}

TEST_CASE("lexemes: as many words as there are positions, all of the greatest length -> stored",
          "[words][postgres]") {
  Column column("lexemes_longest");
  std::string text;
  for (std::size_t i = 0; i < 20'000; ++i) text += long_word(i) + " ";
  Counts counts;
  REQUIRE_NOTHROW(counts = column.counts_of(words_of({{WordField::kBody, text}})));
  CHECK(counts.size() > 15'000);
  CHECK(counts.contains(long_word(0)));
  // Of the largest that fits, with a word that comes often too.
  REQUIRE_NOTHROW(counts = column.counts_of(words_of(
                      {{WordField::kName, "often"}, {WordField::kBody, text + " often"}})));
  CHECK(counts.contains("often"));
}

TEST_CASE("lexemes: each word of random texts -> PostgreSQL -> itself, with its counts",
          "[words][postgres]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Column column("lexemes_random");
  for (int round = 0; round < 60; ++round) {
    std::vector<Field> fields;
    for (std::size_t field = 0; field < kWordFields; ++field) {
      std::string text;
      for (std::size_t i = random() % 200; i > 0; --i) {
        if (random() % 4 == 0)
          text += static_cast<char>(random() % 256);
        else
          append_utf8(static_cast<char32_t>(random() % (random() % 2 == 0 ? 0x250 : 0x11000)),
                      text);
      }
      fields.emplace_back(static_cast<WordField>(field), text);
    }
    Counts expected;
    for (const auto& [word, counts] : counted(fields))
      for (std::size_t field = 0; field < kWordFields; ++field)
        expected[word][field] =
            static_cast<std::uint8_t>(std::min<std::size_t>(counts[field], 255));
    if (column.counts_of(words_of(fields)) != expected) FAIL("round " << round);
  }
}

TEST_CASE("lexemes: every character that is in a word -> PostgreSQL stores and finds it",
          "[words][postgres]") {
  Column column("lexemes_characters");
  char32_t next = 1;
  while (next <= 0x10FFFF) {
    std::string text;
    for (const char32_t end = next + 8000; next < end && next <= 0x10FFFF; ++next) {
      if (next == 0xD800) next = 0xE000;
      append_utf8(next, text);
      text += ' ';
    }
    const std::vector<Field> fields = {{WordField::kBody, text}};
    const auto expected = counted(fields);
    const Counts counts = column.counts_of(words_of(fields));
    REQUIRE(counts.size() == expected.size());
    for (const auto& [word, of_word] : expected)
      if (!counts.contains(word)) FAIL("the word '" << word << "' is gone");
  }
  const ChunkWords words = words_of({{WordField::kBody, "__init__ $x \u00e4"}});
  column.text_of(words);
  for (const std::string word : {"__init__", "$x", "\u00e4", "init"})
    CHECK(must_run(column.connection(), "SELECT lexemes @@ $$'" + word + "'$$::tsquery FROM t")
              .text(0, 0) == "t");
}

TEST_CASE("lexemes: a text that is not of ChunkWords' tsvector -> false", "[words]") {
  for (const char* text :
       {"a",         "a:1",      "'a",      "'a'",      "'a':",       "'a' ",
        "'a' 'b':1", "'a':1,",   "'a':,1",  "'a':1,,2", "'a':x",      "'a':A",
        "'a':1E",    "'a':1AB",  "'a':1A2", "'a':1-2",  "'a':1;2",    "'a':1  'b':2",
        "'a':1 b",   "'a':1 'b", " 'a':1",  "'a':1 ",   "'a':1'b':2", "'':1",
        "'a''b':1",  "\\N",      "{}",      "'a':1\n",  "\t'a':1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_readable(text));
  }
  std::vector<std::string> visited;
  CHECK_FALSE(for_each_lexeme("'a':1 'b':2A 'c", [&](std::string_view word, const WordCounts&) {
    visited.emplace_back(word);
  }));
  CHECK(visited == std::vector<std::string>{"a", "b"});
}

TEST_CASE("lexemes: any position of any weight -> one of its field", "[words]") {
  Counts counts;
  REQUIRE(for_each_lexeme(
      "'a':1A,2A,3B,4C,5,16383 'b_1':7C",
      [&](std::string_view word, const WordCounts& found) { counts.emplace(word, found); }));
  CHECK(counts == Counts{{"a", {2, 1, 1, 2}}, {"b_1", {0, 0, 1, 0}}});
}

}  // namespace forkdex
