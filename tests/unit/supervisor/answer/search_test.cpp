#include "supervisor/answer/search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>
#include <set>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/base/path_text.h"
#include "supervisor/database/vector_index.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

constexpr std::size_t kDimension = 4;

Query code_query(const std::array<float, kDimension>& vector) {
  return {ViewQuery{1, {vector.begin(), vector.end()}}, {}};
}

/// A chunk that a test stores, with its vector.
struct Stored {
  std::string repository;
  std::string path;  // raw
  std::string name;
  std::array<float, kDimension> vector;
  std::string language = "python";
  std::string kind = "function";
  int line = 1;
  std::optional<std::array<float, kDimension>> text = std::nullopt;  // of its text view
};

/// A database of one model whose chunks are those given.
class Corpus {
 public:
  explicit Corpus(const std::string& name) : connection(connect(fresh_database(name))) {
    must_run(connection, fmt::format("INSERT INTO forkdex.models (name, architecture, dimension,"
                                     " fingerprint) VALUES ('m', 'bert', {}, '\\x01')",
                                     kDimension));
  }

  void add(const Stored& chunk) {
    const std::vector<PgParam> owner = {chunk.repository};
    const std::string repository = "(SELECT id FROM forkdex.repositories WHERE name = $1)";
    run("INSERT INTO forkdex.repositories (name, root) VALUES ($1, '/r')"
        " ON CONFLICT DO NOTHING",
        owner);
    const std::string text = fmt::format("[{}]", fmt::join(chunk.vector, ","));
    PgParam text_view;
    if (chunk.text) text_view = fmt::format("[{}]", fmt::join(*chunk.text, ","));
    run("INSERT INTO forkdex.files (repository_id, path_hash, path, language, state)"
        " VALUES (" +
            repository +
            ", sha256($2::text::bytea), $3, $4, 'indexed')"
            " ON CONFLICT DO NOTHING",
        {chunk.repository, hashed(chunk), escape_path(chunk.path), chunk.language});
    for (const PgParam& vector : {PgParam(text), text_view})
      if (vector)
        run("INSERT INTO forkdex.vectors VALUES (1, sha256($1::text::bytea), $1::halfvec)"
            " ON CONFLICT DO NOTHING",
            {*vector});
    run("INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name,"
        " qualified_name, parent, signature, docstring, start_line, end_line, definition_line,"
        " start_byte, end_byte, source, content_hash, text_hash, metadata)"
        " VALUES (" +
            repository +
            ", sha256($2::text::bytea), $3, $4, $5, $6, $7, '', '', '',"
            " $8, $8 + 2, $8 + 1, 0, 1, 's', sha256($9::text::bytea), sha256($10::text::bytea),"
            " '{}')",
        {chunk.repository, hashed(chunk), escape_path(chunk.path), std::to_string(ordinal_++),
         chunk.kind, chunk.name, chunk.name.empty() ? "" : "Scope." + chunk.name,
         std::to_string(chunk.line), text, text_view});
  }

  std::vector<std::string> paths(const SearchFilters& filters,
                                 const std::array<float, kDimension>& query = {1, 0, 0, 0}) {
    const auto hits = nearest(connection, code_query(query), filters);
    if (!hits) throw std::runtime_error(hits.error().text());
    std::vector<std::string> found;
    for (const Hit& hit : *hits) found.push_back(hit.path);
    return found;
  }

  PgConnection connection;

 private:
  // Not text, in an E'' sense: a name with a backslash would be read as bytea escapes.
  static std::string hashed(const Stored& chunk) {
    std::string digits;
    for (const char c : chunk.path) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return digits;
  }
  void run(const std::string& sql, const std::vector<PgParam>& params) {
    const auto rows = connection.run(sql, params);
    if (!rows) throw std::runtime_error(rows.error().text() + " in " + sql);
  }
  int ordinal_ = 0;
};

SearchFilters only(std::string SearchFilters::* member, std::string value) {
  SearchFilters filters;
  filters.*member = std::move(value);
  return filters;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("search: gives the nearest first, each place of a text, and where it stands",
          "[postgres]") {
  Corpus corpus("search_nearest");
  corpus.add({"one", "far.py", "far", {0, 1, 0, 0}});
  corpus.add({"one", "near.py", "near", {3, 0.3F, 0, 0}, "python", "function", 7});
  corpus.add({"two", "copy\xff.py", "near", {3, 0.3F, 0, 0}});
  corpus.add({"one", "middle.py", "", {1, 1, 0, 0}, "text", "text"});
  const auto hits = nearest(corpus.connection, code_query({2, 0, 0, 0}), {.limit = 3});
  REQUIRE(hits.ok());
  REQUIRE(hits->size() == 3);
  CHECK(hits->at(0).path == "near.py");
  CHECK(hits->at(0).repository == "one");
  CHECK(hits->at(0).qualified_name == "Scope.near");
  CHECK(hits->at(0).kind == "function");
  CHECK(hits->at(0).start_line == 7);
  CHECK(hits->at(0).end_line == 9);
  CHECK(hits->at(0).definition_line == 8);
  CHECK(hits->at(0).score == Approx(3 / std::sqrt(9.09)).margin(1e-3));
  CHECK(hits->at(1).path == "copy\\xff.py");
  CHECK(hits->at(1).repository == "two");
  CHECK(hits->at(2).path == "middle.py");

  CHECK(hits_text(*hits) ==
        "one: near.py:8  Scope.near  0.995\n"
        "two: copy\\xff.py:2  Scope.near  0.995\n"
        "one: middle.py:2  text  0.707\n");
  const auto answer = nlohmann::json::parse(hits_json(*hits));
  REQUIRE(answer["results"].size() == 3);
  CHECK(nlohmann::ordered_json::parse(hits_json({hits->at(0)}))
            .dump()
            .starts_with(
                R"({"results":[{"path":"near.py","name":"near","kind":"function","start_line":7,)"
                R"("end_line":9,"definition_line":8,"score":0.99)"));
}

TEST_CASE("search: the parts of one definition are one hit, the nearest", "[postgres]") {
  Corpus corpus("search_parts");
  for (int part = 0; part < 30; ++part)
    corpus.add({"one", "long.py", "long", {3, 0.01F * static_cast<float>(part + 1), 0, 0}});
  corpus.add({"one", "next.py", "next", {1, 1, 0, 0}});
  const auto hits = nearest(corpus.connection, code_query({1, 0, 0, 0}), {.limit = 2});
  REQUIRE(hits.ok());
  REQUIRE(hits->size() == 2);
  CHECK(hits->at(0).path == "long.py");
  CHECK(hits->at(0).score == Approx(1).margin(1e-4));
  CHECK(hits->at(1).path == "next.py");
}

TEST_CASE("search: nothing found is an empty answer", "[search]") {
  CHECK(hits_text({}).empty());
  CHECK(hits_json({}) == "{\"results\":[]}\n");
}

TEST_CASE("search: stays in what it is narrowed to", "[postgres]") {
  Corpus corpus("search_narrowed");
  corpus.add({"one", "src/a.py", "a", {1, 0, 0, 0}});
  corpus.add({"one", "src/b.ts", "b", {1, 0.1F, 0, 0}, "typescript", "class"});
  corpus.add({"two", "lib/src/c.ts", "c", {1, 0.2F, 0, 0}, "typescript", "method"});
  corpus.add({"two", "w\xff/d.ts", "d", {1, 0.3F, 0, 0}, "typescript", "method"});
  CHECK(corpus.paths({}) == Paths{"src/a.py", "src/b.ts", "lib/src/c.ts", "w\\xff/d.ts"});
  CHECK(corpus.paths({.limit = 2}) == Paths{"src/a.py", "src/b.ts"});
  CHECK(corpus.paths(only(&SearchFilters::repository, "one")) == Paths{"src/a.py", "src/b.ts"});
  CHECK(corpus.paths(only(&SearchFilters::language, "typescript")).size() == 3);
  CHECK(corpus.paths(only(&SearchFilters::kind, "class")) == Paths{"src/b.ts"});
  CHECK(corpus.paths(only(&SearchFilters::path_glob, "src/*.ts")) == Paths{"src/b.ts"});
  CHECK(corpus.paths(only(&SearchFilters::path_glob, "w?/*.ts")) == Paths{"w\\xff/d.ts"});
  CHECK(corpus.paths(only(&SearchFilters::path_glob, "*.go")).empty());
  CHECK(corpus.paths({.repository = "two",
                      .language = "typescript",
                      .path_glob = "*.ts",
                      .kind = "method",
                      .limit = 1}) == Paths{"lib/src/c.ts"});
}

TEST_CASE("search: an unknown repository is named", "[postgres]") {
  Corpus corpus("search_unknown");
  const auto hits = nearest(corpus.connection, code_query({1, 0, 0, 0}),
                            only(&SearchFilters::repository, "none"));
  REQUIRE_FALSE(hits.ok());
  CHECK(hits.error().code == ErrorCode::kUsage);
  CHECK(hits.error().sentence.find("none") != std::string::npos);
}

TEST_CASE("search: with the model's index the answer is the same, however few rows pass",
          "[postgres]") {
  const unsigned seed = 20261;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Corpus corpus("search_indexed");
  must_run(corpus.connection, "BEGIN");
  for (int i = 0; i < 1200; ++i)
    corpus.add({i % 400 == 7 ? "rare" : "common",
                fmt::format("f{}.py", i),
                "f",
                {normal(random), normal(random), normal(random), normal(random)},
                i % 12 == 0 ? "go" : "python",
                i % 12 == 1 ? "class" : "function"});
  must_run(corpus.connection, "COMMIT");
  const SearchFilters rare = only(&SearchFilters::repository, "rare");
  const std::array<float, kDimension> query = {normal(random), normal(random), normal(random), 1};
  const Paths exact = corpus.paths({}, query);
  const Paths exact_rare = corpus.paths(rare, query);
  REQUIRE(exact_rare.size() == 3);
  SearchFilters most = only(&SearchFilters::language, "python");
  most.kind = "function";
  const Paths exact_most = corpus.paths(most, query);

  const auto built = build_vector_index(corpus.connection, {1, "", kDimension, 1200});
  REQUIRE(built.ok());
  REQUIRE(built->has_value());
  must_run(corpus.connection, "ANALYZE forkdex.vectors");
  // 1,200 rows tempt no planner.
  must_run(corpus.connection, "SET enable_seqscan = off; SET enable_sort = off");
  const auto index_scans = [&] {
    must_run(corpus.connection, "SELECT pg_stat_force_next_flush()");
    const std::string scans =
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'vectors_signs_1'";
    return must_run(corpus.connection, scans).integer(0, 0);
  };
  const auto count_equal = [](const Paths& found, const Paths& wanted) {
    const std::set<std::string> all(wanted.begin(), wanted.end());
    return std::count_if(found.begin(), found.end(),
                         [&](const std::string& path) { return all.contains(path); });
  };
  CHECK(count_equal(corpus.paths({}, query), exact) >= 9);
  const auto scans = index_scans();
  CHECK(scans > 0);
  CHECK(count_equal(corpus.paths(most, query), exact_most) >= 9);
  CHECK(index_scans() > scans);
  CHECK(corpus.paths(rare, query) == exact_rare);
  // Of 1,200 rows the index gives 800 candidates; wherever the one is, it is found.
  for (int i = 0; i < 1200; i += 100) {
    const std::string path = fmt::format("f{}.py", i);
    INFO(path);
    CHECK(corpus.paths(only(&SearchFilters::path_glob, path), query) == Paths{path});
  }
}

TEST_CASE("search: with two views the nearest in both together come first", "[postgres]") {
  using Vector = std::array<float, 4>;
  Corpus corpus("search_views");
  const auto add = [&](const std::string& path, const Vector& code, std::optional<Vector> text) {
    corpus.add({"one", path, "f", code, "python", "function", 1, text});
  };
  add("both.py", {0.8F, 0.6F, 0, 0}, Vector{0.8F, 0, 0.6F, 0});
  add("code.py", {1, 0, 0, 0}, Vector{0, 0, 0, 1});
  add("text.py", {0, 0, 0, 1}, Vector{1, 0, 0, 0});
  add("bare.py", {0.6F, 0.8F, 0, 0}, {});  // indexed without a text view
  const Query code = code_query({1, 0, 0, 0});
  const Query both = {code.code, code.code};
  const auto found = [&](const Query& query, const SearchFilters& filters) {
    const auto hits = nearest(corpus.connection, query, filters);
    if (!hits) throw std::runtime_error(hits.error().text());
    std::vector<std::string> all;
    for (const Hit& hit : *hits) all.push_back(fmt::format("{} {:.2f}", hit.path, hit.score));
    return all;
  };
  CHECK(found(both, {}) == Paths{"both.py 0.80", "bare.py 0.60", "code.py 0.56", "text.py 0.44"});
  CHECK(found(both, {.limit = 1}) == Paths{"both.py 0.80"});
  CHECK(found(both, only(&SearchFilters::path_glob, "t*.py")) == Paths{"text.py 0.44"});
  CHECK(found({{}, both.text}, {}) == Paths{"text.py 1.00", "both.py 0.80", "code.py 0.00"});
  CHECK(found(code, {.limit = 2}) == Paths{"code.py 1.00", "both.py 0.80"});
  CHECK(found({}, {}) == Paths{});
  CHECK(found(both, only(&SearchFilters::kind, "class")) == Paths{});
}

}  // namespace forkdex
