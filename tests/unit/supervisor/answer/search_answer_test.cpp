#include "supervisor/answer/search_answer.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "supervisor/database/vectors.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

SearchRequest request_for(const std::string& kind) {
  SearchRequest request;
  request.text = "what is asked";
  request.filters.kind = kind;
  request.models.code = ModelFolder{};
  request.worker_executable = "/nonexistent/worker";
  return request;
}

SearchAnswer answered(PgConnection& connection, const SearchRequest& request) {
  auto found = answer(connection, request);
  if (!found) throw std::runtime_error(found.error().text());
  return *std::move(found);
}

}  // namespace

TEST_CASE("search answer: an unknown repository -> kUsage, its name in the sentence",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("answer_unknown"));
  SearchRequest request = request_for("");
  request.filters.repository = "none";
  const auto found = answer(connection, request);
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == ErrorCode::kUsage);
  CHECK(found.error().sentence.find("none") != std::string::npos);
}

TEST_CASE("search answer: models that embedded nothing -> no hits, not comparable, no worker",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("answer_nothing"));
  for (const char* kind : {"", kCommitKind}) {
    const SearchAnswer found = answered(connection, request_for(kind));
    CHECK_FALSE(found.comparable);
    CHECK(answer_text(found).empty());
    CHECK(answer_json(found) == "{\"results\":[]}\n");
  }
}

TEST_CASE(
    "search answer: texts without a vector, or not counted -> it says so, of the repository "
    "asked alone",
    "[postgres]") {
  PgConnection connection = connect(fresh_database("answer_behind"));
  ModelFolder code;
  code.name = "code";
  code.dimension = 2;
  code.fingerprint[0] = 1;
  const auto id = model_id(connection, code);
  REQUIRE(id.ok());
  must_run(connection,
           "INSERT INTO forkdex.repositories (name, root, texts_total, texts_missing) VALUES "
           "('done', '/d', 7, 0), ('half', '/h', 10, 4), ('begun', '/b', NULL, NULL)");
  SearchRequest request = request_for("");
  request.models.code = code;
  request.worker_executable = FORKDEX_FAKE_WORKER;
  request.tuning.batch_tokens = 300;  // with kAuto, the fake worker's vector is (300, 0)
  const auto behind = [&](const std::string& repository) {
    request.filters.repository = repository;
    return answered(connection, request).behind;
  };
  CHECK_FALSE(behind("done"));
  REQUIRE(behind("half"));
  CHECK(behind("half")->total == 10);
  CHECK(behind("half")->missing == 4);
  REQUIRE(behind("begun"));
  CHECK(behind("begun")->total == 0);
  CHECK(behind("").has_value());
  must_run(connection, "DELETE FROM forkdex.repositories WHERE name = 'begun'");
  REQUIRE(behind(""));
  CHECK(behind("")->total == 17);
  request.words = true;
  CHECK_FALSE(behind("half"));
}

TEST_CASE("search answer: kind commit -> the commits nearest by the model of messages",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("answer_commits"));
  ModelFolder messages;
  messages.name = "messages";
  messages.dimension = 2;
  messages.fingerprint[0] = 1;
  const auto id = model_id(connection, messages);
  REQUIRE(id.ok());
  must_run(connection, fmt::format("INSERT INTO forkdex.repositories (name, root, messages_model)"
                                   " VALUES ('one', '/r', {})",
                                   *id));
  must_run(connection,
           "INSERT INTO forkdex.commits (repository_id, oid, author, authored_at, message, files,"
           " file_count, content_hash) VALUES"
           " (1, repeat('a', 40), 'A <a@b>', '2026-01-31 12:00Z', 'far', '{}', 0, '\\x01'),"
           " (1, repeat('b', 40), 'A <a@b>', '2026-01-31 12:00Z', 'near', '{}', 0, '\\x02')");
  must_run(connection, fmt::format("INSERT INTO forkdex.vectors VALUES ({0}, '\\x01', '[0,1]'),"
                                   " ({0}, '\\x02', '[1,0]')",
                                   *id));

  SearchRequest request = request_for(kCommitKind);
  request.models.text = messages;
  request.worker_executable = FORKDEX_FAKE_WORKER;
  request.tuning.batch_tokens = 300;  // with kAuto, the fake worker's vector is (300, 0)
  request.filters.limit = 1;
  const SearchAnswer found = answered(connection, request);
  CHECK(found.comparable);
  const auto& commits = std::get<std::vector<CommitHit>>(found.hits);
  REQUIRE(commits.size() == 1);
  CHECK(commits.front().subject == "near");
  CHECK(answer_text(found) == "bbbbbbbbbb  2026-01-31  A  near  1.000\n");
}

}  // namespace forkdex
