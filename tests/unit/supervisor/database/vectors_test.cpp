#include "supervisor/database/vectors.h"

#include <catch2/catch.hpp>
#include <vector>

#include "supervisor/database/ledger.h"
#include "tests/unit/supervisor/database/ledger_fixture.h"

namespace forkdex {
namespace {

using test::add_chunk;
using test::connect;
using test::count;
using test::fresh_database;
using test::model;
using test::must_run;
using test::run_end;
using test::text_of;

TEST_CASE("vectors: one model is one row, whatever it is called", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_models"));
  const auto first = model_id(connection, model());
  REQUIRE(first.ok());
  ModelFolder renamed = model();
  renamed.name = "another name";
  CHECK(*model_id(connection, renamed) == *first);
  CHECK(*model_id(connection, model("other")) != *first);
  CHECK(*stored_model_id(connection, model()) == *first);
  CHECK_FALSE(stored_model_id(connection, model("absent"))->has_value());
}

TEST_CASE("vectors: removing a repository keeps the vectors that another one needs", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_remove"));
  const auto one = find_or_add_repository(connection, {"one", "/1", {}, {}});
  const auto two = find_or_add_repository(connection, {"two", "/2", {}, {}});
  REQUIRE((one.ok() && two.ok()));
  const auto id = model_id(connection, model());
  REQUIRE(id.ok());
  // More than one batch of the collector; the last one stands nowhere, and is kept for a while.
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 4501) n");
  add_chunk(connection, *one, "a", sha256("1"));
  must_run(connection,
           "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
           "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
           "start_byte, end_byte, source, content_hash, metadata) "
           "SELECT repository_id, path_hash, path, n, kind, name, qualified_name, parent, "
           "signature, docstring, start_line, end_line, definition_line, start_byte, end_byte, "
           "source, sha256(n::text::bytea), metadata "
           "FROM forkdex.chunks, generate_series(2, 4499) n");
  add_chunk(connection, *two, "a", sha256("2"));
  add_chunk(connection, *two, "b", sha256("4500"));
  CHECK(text_of(remove_repository(connection, "one")) == "");
  CHECK(must_run(connection,
                 "SELECT string_agg(n::text, ' ' ORDER BY n) FROM forkdex.vectors "
                 "JOIN generate_series(1, 4501) n ON content_hash = "
                 "sha256(n::text::bytea)")
            .text(0, 0) == "2 4500 4501");
  CHECK(count(connection, "chunks") == 2);
  CHECK(count(connection, "repositories") == 1);
  CHECK(remove_repository(connection, "one").error().code == ErrorCode::kUsage);
  CHECK(text_of(claim_repository(connection, {*two, "two"})) == "");
}

TEST_CASE("vectors: what a replaced model computed goes when every file has the new one's",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_models"));
  const RepositoryIdentity identity{"repo", "/src/repo", {}, {}};
  const std::vector<ModelFolder> models = {model("old"), model("new")};
  const auto open = [&](const ModelFolder& folder) {
    auto ledger = Ledger::open(connection, identity, {folder, {}});
    REQUIRE((ledger ? "" : ledger.error().text()) == "");
    return *std::move(ledger);
  };
  const auto collect = [&] {
    const auto collected = collect_vectors(connection);
    REQUIRE((collected ? "" : collected.error().text()) == "");
    return *collected;
  };
  const auto add_vectors = [&](std::int64_t id) {
    must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(id) +
                             ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 2) n");
  };
  Ledger first = open(models[0]);
  add_vectors(first.model_ids().code);
  add_chunk(connection, first.repository_id(), "a", sha256("1"));
  must_run(connection,
           "INSERT INTO forkdex.commits (repository_id, oid, author, authored_at, message, files, "
           "file_count, content_hash) VALUES (" +
               std::to_string(first.repository_id()) +
               ", 'c', '', now(), '2', '{}', 0, sha256('2'))");
  REQUIRE(text_of(first.note_texts({}, {.chunks = true})) == "");
  REQUIRE(text_of(first.finish_run(run_end("complete", "c0ffee"))) == "");
  must_run(connection, "UPDATE forkdex.repositories SET messages_model = code_model");
  CHECK(collect() == 0);

  // While a run replaces the model, both are needed; a run that is cut short leaves it so.
  Ledger second = open(models[1]);
  add_vectors(second.model_ids().code);
  CHECK(collect() == 0);
  REQUIRE(text_of(second.finish_run(run_end("partial", "c0ffee"))) == "");
  CHECK(collect() == 0);
  Ledger third = open(models[1]);
  REQUIRE(text_of(third.note_texts({}, {.chunks = true})) == "");
  REQUIRE(text_of(third.finish_run(run_end("complete", "c0ffee"))) == "");
  CHECK(collect() == 1);
  must_run(connection, "UPDATE forkdex.repositories SET messages_model = code_model");
  CHECK(collect() == 1);
  CHECK(must_run(connection, "SELECT count(*) FROM forkdex.vectors WHERE model_id = " +
                                 std::to_string(third.model_ids().code))
            .integer(0, 0) == 2);
}

TEST_CASE("vectors: a vector that nothing needs is kept for a while, unless it is needed again",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_collect"));
  const auto repository = find_or_add_repository(connection, {"one", "/1", {}, {}});
  const auto id = model_id(connection, model());
  REQUIRE((repository.ok() && id.ok()));
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 3) n");
  add_chunk(connection, *repository, "a", sha256("1"));
  const std::chrono::days kept(30);
  const auto collect = [&] {
    const auto collected = collect_vectors(connection, kept);
    REQUIRE((collected ? "" : collected.error().text()) == "");
    return *collected;
  };
  CHECK(collect() == 0);
  CHECK(count(connection, "unneeded_vectors") == 2);
  CHECK(collect() == 0);

  // One comes back; a month later only the other one goes.
  add_chunk(connection, *repository, "b", sha256("2"));
  must_run(connection, "UPDATE forkdex.unneeded_vectors SET since = now() - interval '31 days'");
  CHECK(collect() == 1);
  CHECK(count(connection, "vectors") == 2);
  CHECK(count(connection, "unneeded_vectors") == 0);
  must_run(connection, "DELETE FROM forkdex.chunks WHERE content_hash = sha256('2')");
  CHECK(collect() == 0);
  CHECK(count(connection, "unneeded_vectors") == 1);

  // Once a day is enough, unless nothing is to be kept.
  CHECK_FALSE(collect_vectors_when_due(connection, kept)->has_value());
  must_run(connection, "UPDATE forkdex.vector_sweep SET swept_at = now() - interval '25 hours'");
  CHECK(collect_vectors_when_due(connection, kept)->has_value());
  CHECK_FALSE(collect_vectors_when_due(connection, kept)->has_value());
  CHECK(**collect_vectors_when_due(connection, std::chrono::days(0)) == 1);
  CHECK(count(connection, "vectors") == 1);
}

}  // namespace
}  // namespace forkdex
