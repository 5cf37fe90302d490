#include "supervisor/database/schema.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "supervisor/database/migrations.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

std::string text_of(const Result<void>& result) { return result ? "" : result.error().text(); }

TEST_CASE("schema: every table of the interface is there, and a second call changes nothing",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("schema_tables"));
  CHECK(text_of(prepare_schema(connection)) == "");
  for (const char* table : {"repositories", "files", "chunks", "vectors", "models", "runs"})
    CHECK(must_run(connection, std::string("SELECT count(*) FROM forkdex.") + table).size() == 1);
  const PgRows version =
      must_run(connection, "SELECT count(*), max(version) FROM forkdex.schema_version");
  CHECK(version.integer(0, 0) == static_cast<std::int64_t>(migrations().size()));
  CHECK(version.integer(0, 1) == static_cast<std::int64_t>(migrations().size()));
}

TEST_CASE("schema: programs that start at once take turns", "[postgres]") {
  const std::string url = fresh_database("schema_race", true);
  std::vector<std::string> errors(6);
  std::vector<std::thread> threads;
  for (std::string& error : errors)
    threads.emplace_back([&url, &error] {
      auto connection = PgConnection::open(url, "unit test");
      error = connection ? text_of(prepare_schema(*connection)) : connection.error().text();
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
}

TEST_CASE("schema: refuses a schema that is newer than this program", "[postgres]") {
  PgConnection connection = connect(fresh_database("schema_newer"));
  must_run(connection, "INSERT INTO forkdex.schema_version VALUES (999, 'from the future')");
  const auto prepared = prepare_schema(connection);
  REQUIRE_FALSE(prepared.ok());
  CHECK(prepared.error().code == ErrorCode::kDatabaseUnusable);
  CHECK(prepared.error().sentence.find("999") != std::string::npos);
}

TEST_CASE("schema: refuses steps that are not this program's", "[postgres]") {
  PgConnection connection = connect(fresh_database("schema_other_steps"));
  must_run(connection, "UPDATE forkdex.schema_version SET name = '0002_other' WHERE version = 2");
  const auto prepared = prepare_schema(connection);
  REQUIRE_FALSE(prepared.ok());
  CHECK(prepared.error().code == ErrorCode::kDatabaseUnusable);
  CHECK(prepared.error().sentence.find("step 2 is 0002_other") != std::string::npos);
}

TEST_CASE("schema: says which statement an administrator must run for pgvector", "[postgres]") {
  const std::string url = fresh_database("schema_role", true);
  PgConnection admin = connect(url);
  must_run(admin, "DROP ROLE IF EXISTS plain_user");
  must_run(admin, "CREATE ROLE plain_user");
  PgConnection connection = connect(url);
  must_run(connection, "SET ROLE plain_user");
  const auto without_pgvector = prepare_schema(connection);
  REQUIRE_FALSE(without_pgvector.ok());
  CHECK(without_pgvector.error().code == ErrorCode::kDatabaseUnusable);
  CHECK(without_pgvector.error().sentence.find("CREATE EXTENSION vector;") != std::string::npos);

  must_run(admin, "CREATE EXTENSION vector");
  const auto without_schema = prepare_schema(connection);
  REQUIRE_FALSE(without_schema.ok());
  CHECK(without_schema.error().sentence.find(
            "GRANT CREATE ON DATABASE \"schema_role\" TO \"plain_user\";") != std::string::npos);

  must_run(admin, "GRANT CREATE ON DATABASE schema_role TO plain_user");
  CHECK(text_of(prepare_schema(connection)) == "");
  must_run(admin, "DROP OWNED BY plain_user");
  must_run(admin, "DROP ROLE plain_user");
}

TEST_CASE("schema: a database in another encoding is refused", "[postgres]") {
  const std::string base = fresh_database("schema_utf8", true);
  PgConnection admin = connect(base);
  must_run(admin, "DROP DATABASE IF EXISTS schema_latin1");
  must_run(admin,
           "CREATE DATABASE schema_latin1 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc "
           "TEMPLATE template0");
  std::string url = base;
  url.replace(url.find("schema_utf8"), 11, "schema_latin1");
  PgConnection connection = connect(url);
  const auto prepared = prepare_schema(connection);
  REQUIRE_FALSE(prepared.ok());
  CHECK(prepared.error().sentence.find("LATIN1") != std::string::npos);
}

}  // namespace
}  // namespace forkdex
