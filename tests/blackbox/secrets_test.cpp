// A password in DATABASE_URL reaches no other process's arguments or environment, no output and no
// row.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

constexpr const char* kSecret = "hunter2-s3cret";

TEST_CASE("secrets: a password stands nowhere but in the supervisor's own environment") {
  const Database database;
  const TemporaryFolder folder;
  Command command = index_command(corpus("rxjs-7.8.2") / "src/internal/observable", database,
                                  folder / "report.json",
                                  {"--repository", "rxjs", "--verbose", "--progress", "json"});
  command.environment["DATABASE_URL"] = with_parameters(database.url(), {{"password", kSecret}});
  Program program(command);
  int seen = 0;
  while (program.running()) {
    for (const ProcessInfo& info : descendants(program.pid())) {
      const std::string environment = proc_file(info.pid, "environ");
      INFO(info.name << ": " << info.command);
      REQUIRE(info.command.find(kSecret) == std::string::npos);
      if (info.name != "worker" && info.name != "fork-server")
        continue;  // between fork and exec, still the supervisor's image
      REQUIRE(environment.find(kSecret) == std::string::npos);
      ++seen;
    }
  }
  const Ended ended = program.wait();
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(seen > 0);
  CHECK(ended.text().find(kSecret) == std::string::npos);
  CHECK(read_file(folder / "report.json").find(kSecret) == std::string::npos);
  for (const char* table : {"repositories", "files", "runs"}) {
    CHECK(database.value(std::string("SELECT count(*) FROM forkdex.") + table + " AS row WHERE " +
                         "row::text LIKE '%" + kSecret + "%'") == "0");
  }
}

TEST_CASE("secrets: the user and token in a remote's address are not stored") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n");
  const auto git = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/git", "-C", tree.path().string()});
    Command command;
    command.arguments = std::move(arguments);
    const Ended ended = run(command);
    INFO(ended.text());
    REQUIRE(ended.status == 0);
  };
  git({"init", "-q"});
  git({"remote", "add", "origin", std::string("https://me:") + kSecret + "@example.org/a.git"});
  const Database database;
  const IndexRun indexed = index(tree.path(), database, {"--repository", "a"});
  INFO(indexed.ended.text());
  REQUIRE(indexed.ended.status == 0);
  CHECK(database.value("SELECT remote FROM forkdex.repositories") == "https://example.org/a.git");
  CHECK(indexed.report.dump().find(kSecret) == std::string::npos);
}

}  // namespace
}  // namespace forkdex::test
