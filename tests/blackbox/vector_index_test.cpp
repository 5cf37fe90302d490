// Many vectors, and their index: who builds it, and what is said meanwhile.

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

constexpr const char* kDimensions = "16";

Ended on(const Database& database, const std::vector<std::string>& arguments) {
  Command command = supervisor_command(arguments);
  command.environment["DATABASE_URL"] = database.url();
  return run(command);
}

Ended search(const Database& database) {
  Ended found = on(database, {"search", "--dimensions", kDimensions, "greet somebody"});
  INFO(found.text());
  REQUIRE(found.status == 0);
  CHECK(found.out.find("hello.py") != std::string::npos);
  return found;
}

/// A run whose standard streams are a terminal: all that it says.
std::string index_on_terminal(const std::filesystem::path& tree, const Database& database) {
  Command command;
  command.arguments = {
      "/usr/bin/script", "-qefc",
      program_path("supervisor").string() + " --dimensions " + kDimensions + " " + tree.string(),
      "/dev/null"};
  command.environment["DATABASE_URL"] = database.url();
  const Ended ended = run(command);
  INFO(ended.text());
  CHECK(ended.status == 0);
  return ended.out;
}

std::string indexes(const Database& database) {
  return database.value(
      "SELECT count(*) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid "
      "WHERE relname LIKE 'vectors_signs%' AND indisvalid");
}

TEST_CASE("vector index: many vectors without one -> a person is told, a script's run builds it") {
  const Database database;
  const TemporaryFolder tree;
  tree.write("hello.py", "def greet(name):\n    return 'hello ' + name\n");
  const Ended first = on(database, {"--dimensions", kDimensions, tree.path().string()});
  INFO(first.text());
  REQUIRE(first.status == 0);
  CHECK(on(database, {"database", "index"}).out.starts_with("nothing to index"));
  CHECK(search(database).err.find("no index") == std::string::npos);
  // As another repository would have left them, each by texts of its own.
  database.rows(
      "INSERT INTO forkdex.vectors SELECT m.id, sha256(n::text::bytea), "
      "(SELECT array_agg(sin(n * 37 * d)) FROM generate_series(1, 16) d)::vector::halfvec "
      "FROM forkdex.models m, generate_series(1, 50000) n");

  tree.write("other.py", "def part(name):\n    return 'goodbye ' + name\n");
  const std::string shown = index_on_terminal(tree.path(), database);
  INFO(shown);
  CHECK(shown.find("have no index yet") != std::string::npos);
  CHECK(indexes(database) == "0");
  CHECK(search(database).err.find("supervisor database index") != std::string::npos);

  SECTION("database index builds it") {
    const Ended built = on(database, {"database", "index"});
    INFO(built.text());
    CHECK(built.status == 0);
    CHECK(built.out.find("indexed 50") != std::string::npos);
    CHECK(on(database, {"database", "index"}).out.starts_with("nothing to index"));
  }
  SECTION("a run without a terminal builds it, though no file has changed") {
    const Ended built = on(database, {"--dimensions", kDimensions, tree.path().string()});
    INFO(built.text());
    CHECK(built.status == 0);
    CHECK(built.out.find("index build") != std::string::npos);
  }
  SECTION("a run that cannot build it -> warns, and has done all that it was for") {
    database.rows("CREATE TABLE forkdex.vectors_signs_1 ()");  // where the index would be
    const Ended built = on(database, {"--dimensions", kDimensions, tree.path().string()});
    INFO(built.text());
    CHECK(built.status == 0);
    CHECK(built.err.find("vectors.not_indexed") != std::string::npos);
    CHECK(built.out.find("have no index yet") != std::string::npos);
    CHECK(on(database, {"database", "index"}).status != 0);
    database.rows("DROP TABLE forkdex.vectors_signs_1");
    CHECK(on(database, {"database", "index"}).status == 0);
  }
  SECTION("database index while another process builds -> says so, and to run again") {
    Connection builder(database.url());
    builder.rows("SELECT pg_advisory_lock(x'66647804'::int, 0)");  // common/pg/advisory_lock.h
    const Ended refused = on(database, {"database", "index"});
    INFO(refused.text());
    CHECK(refused.status == 75);
    CHECK(refused.err.find("another process is building") != std::string::npos);
    CHECK(indexes(database) == "0");
    builder.rows("SELECT pg_advisory_unlock_all()");
    CHECK(on(database, {"database", "index"}).status == 0);
  }
  SECTION("database index, interrupted -> ends by the signal, and the next one builds") {
    Command command = supervisor_command({"database", "index"});
    command.environment["DATABASE_URL"] = database.url();
    Program program(command);
    wait_until("it builds", [&] {
      return !program.running() ||
             database.value("SELECT count(*) FROM pg_stat_progress_create_index") != "0";
    });
    REQUIRE(program.running());
    program.signal(SIGINT);
    const Ended ended = program.wait();
    INFO(ended.text());
    CHECK(ended.signal == SIGINT);
    CHECK(on(database, {"database", "index"}).status == 0);
  }
  CHECK(indexes(database) == "1");
  CHECK(search(database).err.find("no index") == std::string::npos);
}

}  // namespace
}  // namespace forkdex::test
