#include "supervisor/answer/hybrid_search.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

/// A database of one repository and one model of two dimensions.
class Corpus {
 public:
  explicit Corpus(const std::string& name) : connection(connect(fresh_database(name))) {
    must_run(connection,
             "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) VALUES "
             "('m', 'bert', 2, '\\x01')");
    must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('one', '/r')");
  }

  /// Adds a chunk; without a vector where `vector` is empty.
  void add(const std::string& name, const std::string& lexemes, const std::string& vector) {
    const std::string hash = fmt::format("sha256('{}')", name);
    must_run(connection,
             fmt::format("INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, "
                         "kind, name, qualified_name, parent, signature, docstring, start_line, "
                         "end_line, definition_line, start_byte, end_byte, source, content_hash, "
                         "metadata, lexemes) VALUES (1, {0}, '{1}.py', 0, 'function', '{1}', "
                         "'{1}', '', '', '', 1, 2, 1, 0, 1, 's', {0}, '{{}}', $${2}$$)",
                         hash, name, lexemes));
    if (vector.empty()) return;
    must_run(connection,
             fmt::format("INSERT INTO forkdex.vectors VALUES (1, {}, '{}')", hash, vector));
  }

  BothAnswer answer(const std::string& text, const SearchFilters& filters = {}) {
    const Query query = {ViewQuery{1, {1, 0}}, {}};
    auto found = find_by_both(connection, query, text, filters);
    if (!found) throw std::runtime_error(found.error().text());
    return *std::move(found);
  }

  std::vector<Hit> ask(const std::string& text, const SearchFilters& filters = {}) {
    BothAnswer found = answer(text, filters);
    CHECK(found.compared);
    return std::move(found.hits);
  }

  PgConnection connection;
};

}  // namespace

TEST_CASE("search by both: words lift what is as near, up to a score of 1", "[postgres]") {
  Corpus corpus("hybrid_scores");
  corpus.add("near", "'other':1", "[1,0]");
  corpus.add("both", "'asked':1A", "[1,0]");
  corpus.add("far", "'asked':1A", "[0,1]");
  const std::vector<Hit> hits = corpus.ask("asked");
  REQUIRE(hits.size() == 3);
  CHECK(hits[0].name == "both");
  CHECK(hits[0].score == Approx(1));
  CHECK(hits[1].name == "near");
  CHECK(hits[1].score == Approx(1 / 1.2));
  CHECK(hits[2].name == "far");
  CHECK(hits[2].score == Approx(0.2 / 1.2));
}

TEST_CASE("search by both: a chunk far away or without a vector is found by its words",
          "[postgres]") {
  Corpus corpus("hybrid_candidates");
  for (int i = 0; i < 250; ++i)
    corpus.add(fmt::format("near{}", i), "'other':1", fmt::format("[1,{}]", 2 + i / 1000.0));
  corpus.add("far", "'asked':1A", "[0.4,1]");
  corpus.add("unembedded", "'asked':1A", "");
  SearchFilters filters;
  filters.limit = 2;
  const std::vector<Hit> best = corpus.ask("asked", filters);
  REQUIRE(best.size() == 2);
  CHECK(best[0].name == "unembedded");  // as near as the last of those that are near
  CHECK(best[1].name == "far");
  filters.limit = 1000;
  CHECK(corpus.ask("asked", filters).size() == 252);
  CHECK(corpus.ask("nothing has this word", filters).size() == 251);
}

TEST_CASE("search by both: no vector to compare with -> hits by words, and it says so",
          "[postgres]") {
  Corpus corpus("hybrid_without");
  corpus.add("one", "'asked':1A", "");
  const BothAnswer found = corpus.answer("asked");
  CHECK_FALSE(found.compared);
  REQUIRE(found.hits.size() == 1);
  CHECK(found.hits.front().score > 0);
  CHECK(corpus.ask("unknown").empty());
}

}  // namespace forkdex
