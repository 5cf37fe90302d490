// Commits and last commits: what git says, after anything that happens to a history; messages that
// can be searched; and what one bad message costs.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/blackbox/commits_fixture.h"
#include "tests/support/database.h"
#include "tests/support/git_folder.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

TEST_CASE("commits: are stored as git shows them, and walked once") {
  const GitFolder folder;
  small_history(folder);
  folder.write("d.py", "d = 1\n");
  folder.git({"config", "i18n.commitEncoding", "ISO-8859-1"});
  folder.commit("Gr\xFC\xDF", 6);
  folder.git({"config", "--unset", "i18n.commitEncoding"});
  folder.write("untracked.py", kText);

  const Database database;
  const IndexRun first = index_well(folder.path(), database);
  CHECK(first.ended.out.find("  commits  6 written, 6 messages embedded\n") != std::string::npos);
  CHECK(written(first) == 6);
  CHECK(first.report.at("seconds").at("commits") > 0);
  CHECK(differences_from_git(folder.path(), database) == Strings());
  CHECK(without_vector(database) == 0);
  CHECK(database.rows("SELECT author, authored_at AT TIME ZONE 'UTC', message, files, file_count "
                      "FROM forkdex.commits ORDER BY authored_at") ==
        std::vector<Row>{
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:41", "First files\n\nWith a body.",
             "{a.py,folder/c.py}", "2"},
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:42", "Add b", "{b.py}", "1"},
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:43", "Change c on a topic branch",
             "{folder/c.py}", "1"},
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:44", "Change a", "{a.py}", "1"},
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:45", "Merge the topic", "{}", "0"},
            {"Ann Author <ann@example.org>", "2001-09-09 01:46:46", "Gr\xC3\xBC\xC3\x9F", "{d.py}",
             "1"}});

  const IndexRun second = index_well(folder.path(), database);
  CHECK(written(second) == 0);
  CHECK(second.report.at("workers").at("started") == 0);

  folder.commit("Track the last one", 7);
  const IndexRun third = index_well(folder.path(), database);
  CHECK(written(third) == 1);
  CHECK(embedded(third) == 1);
  CHECK(files_in(third.report, "unchanged") == 5);
  CHECK(differences_from_git(folder.path(), database) == Strings());
}

TEST_CASE("commits: follow a history that is rewritten") {
  const GitFolder folder;
  small_history(folder);
  const Database database;
  index_well(folder.path(), database);

  SECTION("a branch switch") { folder.git({"checkout", "-q", "topic"}); }
  SECTION("a reset") { folder.git({"reset", "-q", "--hard", "HEAD~1"}); }
  SECTION("a rebase, after which nothing is left of what was") {
    run_git(folder.path(), {"rebase", "-q", "--root", "--exec", "git commit -q --amend -m again"},
            "", 50);
    folder.git({"reflog", "expire", "--expire=now", "--all"});
    folder.git({"branch", "-D", "topic"});
    folder.git({"gc", "-q", "--prune=now"});
  }
  SECTION("a revert") { run_git(folder.path(), {"revert", "--no-edit", "HEAD~1"}, "", 9); }
  SECTION("a detached head, in a merge of what was with what is no child of it") {
    folder.git({"checkout", "-q", "--detach", "topic"});
    folder.write("e.py", "e = 1\n");
    folder.commit("Beside it", 10);
    run_git(folder.path(), {"merge", "-q", "-m", "The other way round", "main"}, "", 11);
  }
  SECTION("another root") {
    folder.git({"checkout", "-q", "--orphan", "other"});
    folder.commit("A new beginning", 12);
  }
  SECTION("a branch without a commit") {
    folder.git({"checkout", "-q", "--orphan", "empty"});
    index_well(folder.path(), database);
    CHECK(stored_commits(database) == Strings());
    CHECK(column(database, "SELECT DISTINCT last_commit FROM forkdex.files") == Strings{"∅"});
    folder.git({"checkout", "-q", "main"});
  }
  index_well(folder.path(), database);
  CHECK(differences_from_git(folder.path(), database) == Strings());
  CHECK(without_vector(database) == 0);
  CHECK(written(index_well(folder.path(), database)) == 0);
}

TEST_CASE("commits: of clones shallow and bare, of a linked work tree and a folder in one") {
  const GitFolder origin;
  small_history(origin);
  const TemporaryFolder beside;
  const fs::path clone = beside / "clone";
  const Database database;

  SECTION("shallow, deeper, whole") {
    run_git(origin.path(), {"clone", "-q", "--no-single-branch", "--depth", "2",
                            "file://" + origin.path().string(), clone.string()});
    index_well(clone, database);
    CHECK(stored_commits(database).size() == 4);
    CHECK(differences_from_git(clone, database) == Strings());
    run_git(clone, {"fetch", "-q", "--unshallow"});
    CHECK(written(index_well(clone, database)) > 0);
    CHECK(stored_commits(database).size() == 5);
    CHECK(differences_from_git(clone, database) == Strings());
    CHECK(database.value("SELECT files FROM forkdex.commits WHERE message = 'Change a'") ==
          "{a.py}");
  }
  SECTION("a linked work tree") {
    origin.git({"worktree", "add", "-q", clone.string(), "topic"});
    index_well(clone, database);
    CHECK(stored_commits(database).size() == 3);
    CHECK(differences_from_git(clone, database) == Strings());
  }
  SECTION("a bare clone, and a revision of it") {
    run_git(origin.path(), {"clone", "-q", "--bare", origin.path().string(), clone.string()});
    index_well(clone, database);
    CHECK(stored_commits(database) == sorted(lines_of(run_git(clone, {"rev-list", "HEAD"}))));
    index_well(clone, database, {"--rev", "topic"});
    CHECK(stored_commits(database) == sorted(lines_of(run_git(clone, {"rev-list", "topic"}))));
    for (const Row& row : database.rows("SELECT path, last_commit FROM forkdex.files"))
      CHECK(run_git(clone, {"log", "-1", "--format=%H", "topic", "--", row[0]}) == row[1] + "\n");
  }
  SECTION("a folder") {
    index_well(origin.path() / "folder", database);
    CHECK(differences_from_git(origin.path() / "folder", database, "folder") == Strings());
    CHECK(column(database, "SELECT files FROM forkdex.commits ORDER BY authored_at") ==
          Strings{"{c.py}", "{c.py}"});
  }
  SECTION("no commit yet, and a plain folder") {
    const GitFolder empty;
    empty.write("a.py", kText);
    CHECK(written(index_well(empty.path(), database)) == 0);
    fs::remove_all(empty.path() / ".git");
    CHECK(written(index_well(empty.path(), database)) == 0);
  }
}

TEST_CASE("commits: --no-commits leaves them out, and --full writes none that is right") {
  const GitFolder folder;
  small_history(folder);
  const Database database;
  const IndexRun without = index_well(folder.path(), database, {"--no-commits"});
  CHECK(written(without) == 0);
  CHECK(without.ended.out.find("commits") == std::string::npos);
  CHECK(database.value("SELECT count(*) FROM forkdex.commits") == "0");
  CHECK(database.value("SELECT count(last_commit) FROM forkdex.files") == "0");
  CHECK(written(index_well(folder.path(), database)) == 5);
  CHECK(written(index_well(folder.path(), database, {"--full"})) == 0);
  database.rows("UPDATE forkdex.files SET last_commit = 'wrong'");
  database.rows("DELETE FROM forkdex.commits WHERE message = 'Add b'");
  CHECK(written(index_well(folder.path(), database, {"--full"})) == 1);
  CHECK(differences_from_git(folder.path(), database) == Strings());
}

TEST_CASE("commits: are found by search --kind commit, and by no other search") {
  const GitFolder folder;
  small_history(folder);
  folder.write("speed.py", kText);
  const std::string oid =
      folder.commit("Make the parser three times faster\n\nBy reading the file only once.", 20);
  const Database database;
  index_well(folder.path(), database);
  const auto search = [&](Strings more) {
    Command command;
    command.arguments = {"supervisor", "search", "--database-url", database.url()};
    command.arguments.insert(command.arguments.end(), more.begin(), more.end());
    const Ended ended = run(command);
    INFO(ended.text());
    REQUIRE(ended.status == 0);
    return ended.out;
  };
  const std::string text =
      search({"--kind", "commit", "--limit", "1", "performance of parsing was improved"});
  CHECK(text.starts_with(oid.substr(0, 10) +
                         "  2001-09-09  Ann Author  Make the parser three times faster  0."));
  const auto json = nlohmann::json::parse(
      search({"--kind", "commit", "--json", "--limit", "1", "performance of parsing"}));
  auto hit = json.at("results").at(0);
  CHECK(hit.at("score") > 0.2);
  hit.erase("score");
  CHECK(hit == nlohmann::json({{"path", oid},
                               {"name", "Make the parser three times faster"},
                               {"kind", "commit"},
                               {"start_line", 0},
                               {"end_line", 0},
                               {"definition_line", 0},
                               {"repository", "r"}}));
  const std::string touching = search({"--kind", "commit", "--path", "folder/*", "parser"});
  CHECK(lines_of(touching).size() == 2);
  CHECK(search({"parser three times faster"}).find(oid.substr(0, 10)) == std::string::npos);
}

TEST_CASE("commits: of two repositories stay for the one that is left") {
  const GitFolder folder;
  small_history(folder);
  const TemporaryFolder beside;
  run_git(folder.path(), {"clone", "-q", folder.path().string(), (beside / "clone").string()});
  const Database database;
  CHECK(embedded(index_well(folder.path(), database)) == 5);
  const IndexRun clone = index(beside / "clone", database, {"--repository", "s"});
  CHECK(written(clone) == 5);
  CHECK(embedded(clone) == 0);
  Command remove;
  remove.arguments = {"supervisor", "remove", "--database-url", database.url(), "r"};
  CHECK(run(remove).status == 0);
  CHECK(stored_commits(database) == Strings());
  CHECK(stored_commits(database, "s").size() == 5);
  CHECK(without_vector(database) == 0);
  remove.arguments.back() = "s";
  CHECK(run(remove).status == 0);
  CHECK(database.value("SELECT count(*) FROM forkdex.vectors") == "0");
}

TEST_CASE("commits: a message that ends its worker each time costs its vector and no other",
          "[kill]") {
  // Where the end is not the timeout's, a busy machine has time for it.
  const auto [action, reason, timeout] =
      GENERATE(table<std::string, std::string, std::string>({{"segv", "crashed", "60"},
                                                             {"allocate", "out_of_memory", "60"},
                                                             {"hang", "timed_out", "1"}}));
  const GitFolder folder;
  small_history(folder);
  folder.commit("poison for every worker", 8);
  folder.commit(std::string(300'000, 'x') + " is very long", 9);
  const Database database;
  const TemporaryFolder output;
  Command command = index_command(folder.path(), database, output / "r.json",
                                  {"--repository", "r", "--workers", "2", "--file-timeout", timeout,
                                   "--memory-per-worker", "512MiB"});
  command.arguments.front() =
      (program_path("supervisor").parent_path().parent_path() / "faulty/supervisor").string();
  command.environment["FORKDEX_FAULT"] = "texts.embed=" + action + ":poison";
  const Ended ended = run(command, std::chrono::seconds(120));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(ended.out.find("  commits  7 written, 6 messages embedded, 1 refused\n") !=
        std::string::npos);
  CHECK(without_vector(database) == 1);
  CHECK(column(database, "SELECT reason FROM forkdex.refused_texts") == Strings{reason});
  // It stays so until somebody asks for it.
  const IndexRun second = index_well(folder.path(), database,
                                     {"--file-timeout", timeout, "--memory-per-worker", "512MiB"});
  CHECK(second.report.at("workers").at("started") == 0);
  CHECK(embedded(index_well(folder.path(), database, {"--retry-failed"})) == 1);
  CHECK(without_vector(database) == 0);
}

/// Differences from git for `count` files drawn at random.
Strings sampled_differences(const fs::path& root, const Database& database, std::size_t count) {
  const unsigned seed = std::random_device()();
  UNSCOPED_INFO("seed " << seed);
  auto rows = database.rows("SELECT path, last_commit FROM forkdex.files ORDER BY path");
  std::shuffle(rows.begin(), rows.end(), std::mt19937(seed));
  rows.resize(std::min(rows.size(), count));
  Strings found;
  for (const Row& row : rows) {
    const std::string git =
        run_git(root, {"--literal-pathspecs", "log", "-1", "--format=%H", "--", row[0]});
    if (row[1] + "\n" != git) found.push_back(row[0] + ": " + row[1] + ", git: " + git);
  }
  return found;
}

TEST_CASE("commits: of a history of 5,000 with merges are git's, and nothing new costs nothing") {
  const TemporaryFolder folder;
  const fs::path root = folder / "long";
  Command make;
  make.arguments = {"/usr/bin/python3",
                    (source_folder() / "tests/bench/history/make_history.py").string(),
                    root.string(), "5000"};
  REQUIRE(run(make, std::chrono::seconds(60)).status == 0);
  const Database database;
  // The files are somebody else's matter: one is enough.
  const Strings options = {"--include", "src/part1/file*"};
  const IndexRun first = index_well(root, database, options);
  CHECK(written(first) == 5000);
  CHECK(stored_commits(database) == sorted(lines_of(run_git(root, {"rev-list", "HEAD"}))));
  CHECK(std::stoi(database.value("SELECT count(*) FROM forkdex.files")) > 800);
  CHECK(sampled_differences(root, database, 300) == Strings());
  CHECK(without_vector(database) == 0);

  const IndexRun second = index_well(root, database, options);
  CHECK(written(second) == 0);
  CHECK(second.report.at("seconds").at("commits") <= 0.05);
  CHECK(second.report.at("workers").at("started") == 0);

  // A branch from long ago, merged: what it undoes has its last commit there.
  run_git(root, {"checkout", "-q", "-b", "old", "HEAD~200"});
  run_git(root, {"rm", "-q", "-r", "src/part3"});
  run_git(root, {"commit", "-q", "-m", "Remove a part"}, "", 900'000'000);
  run_git(root, {"merge", "-q", "-s", "ours", "-m", "Take nothing over", "main"}, "", 900'000'001);
  const IndexRun third = index_well(root, database, options);
  CHECK(written(third) == 2);
  CHECK(sampled_differences(root, database, 300) == Strings());
}

TEST_CASE("commits: INT while messages are embedded keeps what is there", "[kill]") {
  const GitFolder folder;
  folder.write("a.py", kText);
  std::string stream;
  for (int i = 0; i < 3000; ++i) {
    const std::string message = "Commit number " + std::to_string(i) + " of a long history";
    stream += "commit refs/heads/main\ncommitter T <t@example.org> " +
              std::to_string(1'000'000'000 + i) + " +0000\ndata " + std::to_string(message.size()) +
              "\n" + message + "\n";
  }
  folder.git({"fast-import", "--quiet"}, stream);
  const Database database;
  const TemporaryFolder output;
  Program program(index_command(folder.path(), database, output / "r.json",
                                {"--repository", "r", "--workers", "1"}));
  const std::string messages =
      "SELECT count(*) FROM forkdex.vectors v JOIN forkdex.commits c USING (content_hash)";
  const auto has_table = [&] {
    return database.value("SELECT to_regclass('forkdex.commits') IS NOT NULL") == "t";
  };
  wait_until("some messages have vectors",
             [&] { return has_table() && std::stoi(database.value(messages)) > 0; });
  REQUIRE(program.running());
  program.signal(SIGINT);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.signal == SIGINT);
  const int kept = std::stoi(database.value(messages));
  CHECK(kept < 3000);
  const IndexRun second = index_well(folder.path(), database);
  CHECK(written(second) == 0);
  CHECK(embedded(second) == 3000 - kept);
  CHECK(without_vector(database) == 0);
}

}  // namespace
}  // namespace forkdex::test
