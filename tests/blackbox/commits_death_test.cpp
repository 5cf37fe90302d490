// Commits that several runs store between them: of runs that were killed, and of shards.

#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "tests/blackbox/commits_fixture.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

TEST_CASE("commits: those that a killed walk left go where the head does not reach them",
          "[kill]") {
  const GitFolder folder;
  small_history(folder);
  const Database database;
  index_well(folder.path(), database);

  const auto walk_and_die = [&](const Strings& options) {
    const TemporaryFolder reports;
    Strings all = {"--repository", "r", "--workers", "1"};
    all.insert(all.end(), options.begin(), options.end());
    Command command = index_command(folder.path(), database, reports / "report.json", all);
    command.arguments.front() =
        (program_path("supervisor").parent_path().parent_path() / "faulty/supervisor").string();
    command.environment["FORKDEX_FAULT"] = "commits.settle=kill";
    const Ended ended = run(command);
    INFO(ended.text());
    REQUIRE(ended.signal == SIGKILL);
    REQUIRE(stored_commits(database).size() == 6);
  };
  SECTION("of a commit that was taken back") {
    folder.write("d.py", "d = 1\n");
    folder.commit("Regretted", 6);
    walk_and_die({});
    folder.git({"reset", "-q", "--hard", "HEAD~1"});
  }
  SECTION("of a commit that was taken back, and others came behind") {
    folder.write("d.py", "d = 1\n");
    folder.commit("Regretted", 6);
    walk_and_die({});
    folder.git({"reset", "-q", "--hard", "HEAD~1"});
    folder.write("e.py", "e = 1\n");
    folder.commit("Better", 7);
  }
  SECTION("of another revision") {
    folder.git({"checkout", "-q", "-b", "feature"});
    folder.write("f.py", "f = 1\n");
    folder.commit("A feature", 6);
    folder.git({"checkout", "-q", "main"});
    walk_and_die({"--rev", "feature"});
  }
  index_well(folder.path(), database);
  CHECK(differences_from_git(folder.path(), database) == Strings());
  CHECK(database.value("SELECT walk_unsettled FROM forkdex.repositories") == "f");
}

TEST_CASE("commits: each shard embeds messages of its own") {
  const GitFolder folder;
  small_history(folder);
  for (int n = 0; n < 15; ++n) {
    folder.write("a.py", "a = " + std::to_string(n + 10) + "\n");
    folder.commit("Number " + std::to_string(n), 10 + n);
  }
  const Database database;
  const auto noted = [&] {
    return database.value("SELECT messages_model IS NOT NULL FROM forkdex.repositories");
  };
  const IndexRun first = index_well(folder.path(), database, {"--shard", "1/2"});
  CHECK(written(first) == 20);
  CHECK(embedded(first) > 0);
  CHECK(noted() == "f");
  const IndexRun second = index_well(folder.path(), database, {"--shard", "2/2"});
  CHECK(embedded(second) > 0);
  CHECK(embedded(first) + embedded(second) == 20);
  CHECK(without_vector(database) == 0);
  CHECK(noted() == "t");
}

}  // namespace
}  // namespace forkdex::test
