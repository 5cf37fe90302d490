#include "common/pg/connection.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "common/pg/conninfo.h"
#include "tests/support/wait_until.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;
using test::wait_until;

/// The process id of the server's checkpointer, another one after each recovery; empty where there
/// is none or the connection is lost.
std::string checkpointer_of(PgConnection& connection) {
  const auto rows =
      connection.run("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
  return rows && !rows->empty() ? std::string(rows->text(0, 0)) : "";
}

TEST_CASE("pg connection: a database is described without its password") {
  const std::string text = describe_database("postgresql://anna:s3cret@db.example:6000/code");
  CHECK(text == "code at db.example:6000 as anna");
  CHECK(describe_database("host=/run/x user=u dbname=d password=s3cret") == "d at /run/x as u");
  CHECK(describe_database("postgresql://u:s3cret@h:port:port/d").find("s3cret") ==
        std::string::npos);
}

TEST_CASE("pg connection: nobody listening is an error that names the database, not the password") {
  std::string sqlstate = "unset";
  const auto connection = PgConnection::open(
      "postgresql://u:s3cret@127.0.0.1:1/d?connect_timeout=2", "unit test", &sqlstate);
  REQUIRE_FALSE(connection.ok());
  CHECK(connection.error().code == ErrorCode::kDatabaseUnreachable);
  CHECK(connection.error().text().find("127.0.0.1") != std::string::npos);
  CHECK(connection.error().text().find("s3cret") == std::string::npos);
  CHECK(sqlstate.empty());
  CHECK_FALSE(PgConnection::open("postgresql://u:s3cret@h:port:port/d", "unit test").ok());
}

TEST_CASE("pg connection: errors are classed by SQLSTATE", "[postgres]") {
  const std::string url = fresh_database("connection_errors", true);
  PgConnection connection = connect(url);
  must_run(connection, "CREATE TABLE t (n int PRIMARY KEY)");
  const auto code = [&](const std::string& sql) {
    const auto rows = connection.run(sql);
    return rows ? ErrorCode::kBug : rows.error().code;
  };
  CHECK(code("SELECT 1 / 0") == ErrorCode::kRowRefused);
  CHECK(connection.sqlstate() == "22012");
  CHECK(code("INSERT INTO t VALUES (1), (1)") == ErrorCode::kRowRefused);
  CHECK(code("SELECT nothing FROM nowhere") == ErrorCode::kDatabaseUnusable);
  CHECK(connection.run("SELECT $1::int + $2::int", {"40", "2"})->integer(0, 0) == 42);
  CHECK(connection.run("SELECT $1::text", {std::nullopt})->is_null(0, 0));

  PgConnection admin = connect(url);
  const std::int64_t pid = must_run(connection, "SELECT pg_backend_pid()").integer(0, 0);
  must_run(admin, "SELECT pg_terminate_backend(" + std::to_string(pid) + ", 10000)");
  CHECK(code("SELECT 1") == ErrorCode::kDatabaseLost);
  CHECK_FALSE(connection.alive());
}

TEST_CASE("pg connection: a refusal to connect has its SQLSTATE and code", "[postgres]") {
  const std::string url = fresh_database("connection_limit", true);
  PgConnection connection = connect(url);
  std::string missing = url;
  missing.replace(missing.find("connection_limit"), 16, "no_such_database");
  std::string sqlstate;
  CHECK(PgConnection::open(missing, "unit test", &sqlstate).error().code ==
        ErrorCode::kDatabaseUnreachable);
  CHECK(sqlstate == "3D000");

  std::vector<PgConnection> taken;
  for (int n = 0; n < 200; ++n) {
    auto next = PgConnection::open(url, "unit test", &sqlstate);
    if (!next) {
      CHECK(next.error().code == ErrorCode::kTooManyConnections);
      CHECK(next.error().sentence.find("too many clients") != std::string::npos);
      break;
    }
    taken.push_back(std::move(*next));
  }
  CHECK(sqlstate == "53300");
}

TEST_CASE("pg connection: COPY goes both ways, and a refused one leaves the connection usable",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("connection_copy", true));
  must_run(connection,
           "CREATE TABLE t AS SELECT n, 'line ' || n AS x FROM generate_series(1, 3) n");
  std::vector<std::string> lines;
  const auto copied = connection.copy_out("COPY (SELECT * FROM t ORDER BY n) TO STDOUT",
                                          [&](std::string_view line) { lines.emplace_back(line); });
  REQUIRE(copied.ok());
  CHECK(lines == std::vector<std::string>{"1\tline 1", "2\tline 2", "3\tline 3"});

  const auto refused = connection.copy_in("COPY t FROM STDIN (FORMAT binary)", "not binary");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kRowRefused);
  CHECK(must_run(connection, "SELECT count(*) FROM t").integer(0, 0) == 3);
  CHECK_FALSE(connection.copy_out("COPY nowhere TO STDOUT", [](std::string_view) {}).ok());
  CHECK(connection.alive());
}

TEST_CASE("pg connection: a pipeline answers each call, or says which failure stopped it",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("connection_pipeline", true));
  REQUIRE(connection.prepare("twice", "SELECT $1::int * 2").ok());
  REQUIRE(connection.prepare("bytes", "SELECT length($1::bytea)").ok());
  const std::vector<PgCall> good = {{"twice", {PgValue(std::int64_t{4})}},
                                    {"bytes", {PgValue::binary(std::string_view("\0\1\2", 3))}},
                                    {"twice", {PgValue(std::nullopt)}}};
  const auto answers = connection.run_pipeline(good);
  REQUIRE((answers.ok() ? "" : answers.error().text()) == "");
  REQUIRE(answers->size() == 3);
  CHECK((*answers)[0].integer(0, 0) == 8);
  CHECK((*answers)[1].integer(0, 0) == 3);
  CHECK((*answers)[2].is_null(0, 0));

  const std::vector<PgCall> bad = {{"twice", {PgValue(std::string("no number"))}},
                                   {"twice", {PgValue(std::int64_t{1})}}};
  const auto refused = connection.run_pipeline(bad);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kRowRefused);
  CHECK(connection.run("SELECT 1")->integer(0, 0) == 1);
}

TEST_CASE("pg connection: a server that dies while it is asked is a lost connection, at once",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("pg_dies"));
  REQUIRE(connection.prepare("die", "SELECT pg_terminate_backend(pg_backend_pid())").ok());
  REQUIRE(connection.prepare("one", "SELECT 1").ok());
  const PgCall calls[] = {{"one", {}}, {"die", {}}, {"one", {}}, {"one", {}}};
  const auto answers = connection.run_pipeline(calls);
  REQUIRE_FALSE(answers.ok());
  CHECK(answers.error().code == ErrorCode::kDatabaseLost);
  CHECK_FALSE(connection.run("SELECT 1").ok());

  // An immediate shutdown ends a session in between, with a warning that nobody has asked for.
  const std::string url = fresh_database("pg_dies");
  PgConnection killed = connect(url);
  REQUIRE(killed.prepare("one", "SELECT 1").ok());
  const int backend = static_cast<int>(must_run(killed, "SELECT pg_backend_pid()").integer(0, 0));
  const std::string before = checkpointer_of(killed);
  REQUIRE(::kill(backend, SIGQUIT) == 0);
  pollfd said{killed.socket(), POLLRDHUP, 0};
  REQUIRE(::poll(&said, 1, 10'000) == 1);
  const auto silence = killed.run_pipeline(std::span(calls, 1));
  REQUIRE_FALSE(silence.ok());
  CHECK(silence.error().code == ErrorCode::kDatabaseLost);
  // The server starts itself again; the next case is to find it ready. It may let somebody in for
  // a moment before it has noticed.
  wait_until("the server has started again", [&] {
    auto again = PgConnection::open(url, "unit test");
    const std::string now = again ? checkpointer_of(*again) : "";
    return !now.empty() && now != before;
  });
}

TEST_CASE("pg connection: a server that stands still is lost after the longest silence",
          "[postgres]") {
  const std::string url = fresh_database("pg_silence");
  const auto statement =
      GENERATE(as<std::string>(), "run", "params", "prepare", "pipeline", "copy in", "copy out");
  INFO(statement);
  PgConnection connection = connect(url);
  must_run(connection, "CREATE TABLE IF NOT EXISTS t (n int)");
  REQUIRE(connection.prepare("one", "SELECT 1").ok());
  const auto pid =
      static_cast<pid_t>(must_run(connection, "SELECT pg_backend_pid()").integer(0, 0));
  connection.set_wait_limits({std::chrono::milliseconds(200), {}});
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  Result<void> done;
  const auto take = [&](const auto& result) {
    if (!result) done = result.error();
  };
  const PgCall calls[] = {{"one", {}}, {"one", {}}};
  if (statement == "run") take(connection.run("SELECT 1"));
  if (statement == "params") take(connection.run("SELECT $1::int", {"1"}));
  if (statement == "prepare") take(connection.prepare("two", "SELECT 2"));
  if (statement == "pipeline") take(connection.run_pipeline(calls));
  if (statement == "copy in") take(connection.copy_in("COPY t FROM STDIN", "1\n"));
  if (statement == "copy out")
    take(connection.copy_out("COPY t TO STDOUT", [](std::string_view) {}));
  REQUIRE(::kill(pid, SIGCONT) == 0);
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().code == ErrorCode::kDatabaseLost);
  CHECK(done.error().text().find("no word from the server for 0.2 s") != std::string::npos);
  CHECK_FALSE(connection.alive());
  CHECK_FALSE(connection.run("SELECT 1").ok());
}

TEST_CASE("pg connection: more than a socket holds goes to a server that stands still for a while",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("pg_silence"));
  must_run(connection, "CREATE TABLE t (n int)");
  const auto pid =
      static_cast<pid_t>(must_run(connection, "SELECT pg_backend_pid()").integer(0, 0));
  std::string rows;
  constexpr int kRows = 2'000'000;  // 4 MB
  for (int row = 0; row < kRows; ++row) rows += "7\n";
  int asked = 0;
  connection.set_wait_limits({std::chrono::seconds(60), [&] {
                                // Asked while nothing moves: then it is time to go on.
                                if (++asked == 2) ::kill(pid, SIGCONT);
                                return true;
                              }});
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  const auto copied = connection.copy_in("COPY t FROM STDIN", rows);
  INFO((copied ? "" : copied.error().text()));
  REQUIRE(copied.ok());
  CHECK(asked >= 2);
  CHECK(must_run(connection, "SELECT count(*) FROM t").integer(0, 0) == kRows);
}

TEST_CASE("pg connection: a statement nobody waits for any more is cancelled", "[postgres]") {
  PgConnection connection = connect(fresh_database("pg_silence"));
  bool waiting = false;
  connection.set_wait_limits({{}, [&] { return waiting; }});
  const auto slept = connection.run("SELECT pg_sleep(3600)");
  REQUIRE_FALSE(slept.ok());
  CHECK(connection.sqlstate() == "57014");
  CHECK(connection.alive());
  waiting = true;
  CHECK(connection.run("SELECT 1")->integer(0, 0) == 1);
}

TEST_CASE("pg connection: array parameters quote what needs it", "[postgres]") {
  PgConnection connection = connect(fresh_database("connection_arrays", true));
  const std::vector<PgParam> values = {"plain", "", "NULL", std::nullopt, "a\"b\\c,{}\n", "€"};
  const auto rows = connection.run("SELECT x FROM unnest($1::text[]) x", {array_text(values)});
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == static_cast<int>(values.size()));
  for (int row = 0; row < rows->size(); ++row) {
    const PgParam& wanted = values[static_cast<std::size_t>(row)];
    CHECK(rows->is_null(row, 0) == !wanted.has_value());
    if (wanted) CHECK(rows->text(row, 0) == *wanted);
  }
}

}  // namespace
}  // namespace forkdex
