#include "supervisor/database/server/postgres_server.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/database/server/cluster_template.h"
#include "supervisor/database/server/server_binaries.h"
#include "supervisor/database/server/server_start.h"
#include "tests/support/processes.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using test::connect;
using test::must_run;

/// The pid in postmaster.pid: the server of `data`.
pid_t postmaster(const DataFolder& data) {
  std::ifstream file(data.path / "postgresql/postmaster.pid");
  pid_t pid = 0;
  file >> pid;
  return pid;
}

DataFolder folder_in(const test::TemporaryFolder& temporary) {
  return DataFolder{fs::canonical(temporary.path())};
}

TEST_CASE("postgres server: starts in an empty folder and stops with its last user", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  std::string url;
  {
    auto first = PostgresServer::open(data);
    REQUIRE((first.ok() ? "" : first.error().text()) == "");
    url = first->conninfo();
    {
      auto second = PostgresServer::open(data);
      REQUIRE(second.ok());
      CHECK(second->conninfo() == url);
    }
    PgConnection connection = connect(url);
    CHECK(must_run(connection, "SELECT current_user, current_setting('fsync')").text(0, 1) == "on");
    CHECK(must_run(connection, "SHOW listen_addresses").text(0, 0).empty());
  }
  CHECK_FALSE(PostgresServer::running_url(data).ok());
  CHECK_FALSE(PgConnection::open(url, "unit test").ok());
  CHECK_FALSE(fs::exists(data.path / "postgresql/postmaster.pid"));
}

TEST_CASE("postgres server: concurrent first starts share one cluster", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  std::vector<std::string> errors(4);
  std::vector<std::thread> threads;
  for (std::string& error : errors)
    threads.emplace_back([&data, &error] {
      const auto server = PostgresServer::open(data);
      if (!server) {
        error = server.error().text();
        return;
      }
      const auto connection = PgConnection::open(server->conninfo(), "unit test");
      if (!connection) error = connection.error().text();
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
  CHECK_FALSE(PostgresServer::running_url(data).ok());
}

TEST_CASE("postgres server: comes back after kill -9 of the postmaster, with its rows",
          "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  const auto first = PostgresServer::open(data);
  REQUIRE((first.ok() ? "" : first.error().text()) == "");
  for (int round = 0; round < 3; ++round) {
    PgConnection connection = connect(first->conninfo());
    must_run(connection, "CREATE TABLE IF NOT EXISTS kept (round int)");
    must_run(connection, "INSERT INTO kept VALUES (" + std::to_string(round) + ")");
    ::kill(postmaster(data), SIGKILL);
    const auto again = PostgresServer::open(data);
    REQUIRE((again.ok() ? "" : again.error().text()) == "");
    PgConnection after = connect(again->conninfo());
    CHECK(must_run(after, "SELECT count(*) FROM kept").integer(0, 0) == round + 1);
  }
}

TEST_CASE("postgres server: comes back when its own recovery is killed too", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  const auto first = PostgresServer::open(data);
  REQUIRE((first.ok() ? "" : first.error().text()) == "");
  const pid_t server = postmaster(data);
  const auto child = [&](const std::string& title) {
    for (const test::ProcessInfo& info : test::all_processes())
      if (info.parent == server && info.command.find(title) != std::string::npos) return info.pid;
    return 0;
  };
  const int checkpointer = child("checkpointer");
  REQUIRE(checkpointer > 0);
  ::kill(checkpointer, SIGKILL);
  // It recovers by itself, unless what recovers is killed: then a postmaster may wait for ever.
  test::wait_until("the recovery has begun", [&] {
    const int startup = child(" startup");
    return startup > 0 && ::kill(startup, SIGKILL) == 0;
  });
  const auto again = PostgresServer::open(data);
  REQUIRE((again.ok() ? "" : again.error().text()) == "");
  CHECK(PgConnection::open(again->conninfo(), "unit test").ok());
}

TEST_CASE("postgres server: outlives a killed user, and the next one adopts it", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t user = ::fork();
  if (user == 0) {
    const auto server = PostgresServer::open(data);
    [[maybe_unused]] const ssize_t said = ::write(ends[1], server.ok() ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char ready = 'n';
  REQUIRE(::read(ends[0], &ready, 1) == 1);
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(ready == 'y');
  ::kill(user, SIGKILL);
  ::waitpid(user, nullptr, 0);
  const pid_t pid = postmaster(data);
  CHECK(pid > 0);
  {
    const auto server = PostgresServer::open(data);
    REQUIRE(server.ok());
    CHECK(postmaster(data) == pid);
  }
  CHECK_FALSE(PostgresServer::running_url(data).ok());
}

TEST_CASE("postgres server: a pinned server stays until it is unpinned", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  const auto url = PostgresServer::pin(data);
  REQUIRE((url.ok() ? "" : url.error().text()) == "");
  const auto running = PostgresServer::running_url(data);
  REQUIRE(running.ok());
  CHECK(*running == *url);
  {
    const auto user = PostgresServer::open(data);
    REQUIRE(user.ok());
    const auto unpinned = PostgresServer::unpin(data);
    REQUIRE(unpinned.ok());
    CHECK(*unpinned == PostgresServer::Unpinned::kStillInUse);
    CHECK(PostgresServer::running_url(data).ok());
  }
  CHECK_FALSE(PostgresServer::running_url(data).ok());
  CHECK(*PostgresServer::unpin(data) == PostgresServer::Unpinned::kNotRunning);
}

TEST_CASE("postgres server: makes the cluster again after an interrupted initdb", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  fs::create_directories(data.path / "postgresql.new.abcdef/base");
  std::ofstream(data.path / "postgresql.new.abcdef/PG_VERSION") << "18\n";
  const auto server = PostgresServer::open(data);
  REQUIRE((server.ok() ? "" : server.error().text()) == "");
  CHECK_FALSE(fs::exists(data.path / "postgresql.new.abcdef"));
}

TEST_CASE(
    "postgres server: a new cluster is its owner's alone, with initdb's rules and our settings",
    "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  const auto server = PostgresServer::open(data);
  REQUIRE((server.ok() ? "" : server.error().text()) == "");
  for (const auto& entry : fs::recursive_directory_iterator(data.path / "postgresql")) {
    INFO(entry.path());
    CHECK((entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
          fs::perms::none);
  }
  PgConnection connection = connect(server->conninfo());
  const PgRows database =
      must_run(connection,
               "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, datcollate, "
               "current_setting('data_checksums'), current_setting('shared_buffers'), "
               "current_setting('wal_level') FROM pg_database WHERE datname = current_database()");
  CHECK(database.text(0, 0) == "UTF8");
  CHECK(database.text(0, 1) == "b");
  CHECK(database.text(0, 2) == "C.UTF-8");
  CHECK(database.text(0, 3) == "C");
  CHECK(database.text(0, 4) == "on");
  CHECK(database.text(0, 5) == "512MB");
  CHECK(database.text(0, 6) == "minimal");
}

TEST_CASE("postgres server: a new cluster begins as a copy of the installed one", "[postgres]") {
  std::set<std::string> identifiers;  // initdb gives each cluster one of its own
  for (int i = 0; i < 2; ++i) {
    const test::TemporaryFolder temporary;
    const auto server = PostgresServer::open(folder_in(temporary));
    REQUIRE((server.ok() ? "" : server.error().text()) == "");
    PgConnection connection = connect(server->conninfo());
    identifiers.emplace(
        must_run(connection, "SELECT system_identifier FROM pg_control_system()").text(0, 0));
  }
  CHECK(identifiers.size() == 1);
}

TEST_CASE("postgres server: an installed cluster of another version is not copied", "[postgres]") {
  const test::TemporaryFolder temporary;
  const auto user = ServerUser::find();
  REQUIRE(user.ok());
  REQUIRE(installed_cluster());  // deploy/setup makes it
  const auto copied = copy_cluster_template(temporary.path(), "17", *user);
  REQUIRE(copied.ok());
  CHECK_FALSE(*copied);
  CHECK(fs::is_empty(temporary.path()));
}

TEST_CASE("postgres server: starts below a folder that only its caller may enter", "[postgres]") {
  const test::TemporaryFolder temporary;
  REQUIRE(::chmod(temporary.path().c_str(), 0700) == 0);
  const auto server = PostgresServer::open(folder_in(temporary));
  REQUIRE((server.ok() ? "" : server.error().text()) == "");
  PgConnection connection = connect(server->conninfo());
  CHECK(must_run(connection, "CREATE TABLE t AS SELECT 1").affected() == 1);
}

TEST_CASE("postgres server: refuses another version's cluster and names it", "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  fs::create_directories(data.path / "postgresql");
  std::ofstream(data.path / "postgresql/PG_VERSION") << "9\n";
  const auto server = PostgresServer::open(data);
  REQUIRE_FALSE(server.ok());
  CHECK(server.error().code == ErrorCode::kDatabaseUnusable);
  CHECK(server.error().sentence.find("PostgreSQL 9") != std::string::npos);
}

TEST_CASE("postgres server: the error of a server that cannot start has the end of its log",
          "[postgres]") {
  const test::TemporaryFolder temporary;
  const DataFolder data = folder_in(temporary);
  REQUIRE(PostgresServer::open(data).ok());
  std::ofstream(data.path / "postgresql/postgresql.conf", std::ios::app)
      << "shared_buffers = nonsense\n";
  const auto server = PostgresServer::open(data);
  REQUIRE_FALSE(server.ok());
  CHECK(server.error().code == ErrorCode::kDatabaseUnusable);
  CHECK(server.error().text().find("nonsense") != std::string::npos);
}

TEST_CASE("postgres server: a uid without a passwd entry is refused with that sentence") {
  if (::geteuid() != 0) {
    test::skip("only root can become another uid");
    return;
  }
  constexpr uid_t kNobodyKnown = 54321;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    std::string said = "could not change uid";
    if (::setresuid(kNobodyKnown, kNobodyKnown, kNobodyKnown) == 0) {
      const auto user = ServerUser::find();
      said = user ? "found " + user->name : user.error().sentence;
    }
    [[maybe_unused]] const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  char said[512] = {};
  CHECK(::read(ends[0], said, sizeof said - 1) > 0);
  ::close(ends[0]);
  ::waitpid(stranger, nullptr, 0);
  CHECK(std::string(said).find("user id 54321 has no passwd entry") != std::string::npos);
}

TEST_CASE("server url: survives a folder's odd characters") {
  CHECK(server_url("/run/a b%/x") ==
        "postgresql://forkdex@/forkdex?host=%2Frun%2Fa%20b%25%2Fx&port=5432");
}

}  // namespace
}  // namespace forkdex
