// The programs, broken at every point where something can be lost (common/error/fault.h): they
// finish, or the next run does, and the rows are those of an undisturbed run, vectors included.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/blackbox/faults_fixture.h"
#include "tests/blackbox/words_fixture.h"
#include "tests/support/database.h"
#include "tests/support/git_folder.h"
#include "tests/support/index_run.h"
#include "tests/support/own_server.h"
#include "tests/support/processes.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
const Strings kSupervisorPoints = {"run.claimed", "run.planned", "run.dispatched", "ledger.flush",
                                   "texts.plan",  "texts.done",  "run.finished",   "report.write"};
const Strings kWorkerPoints = {"worker.start",    "worker.connect", "worker.ready", "worker.take",
                               "file.read",       "file.parse",     "store.begin",  "store.commit",
                               "store.committed", "texts.read",     "texts.embed",  "texts.store",
                               "texts.stored",    "worker.outcome"};
const Strings kCommitPoints = {"commits.walk", "commits.write", "commits.settle"};
const Strings kWordsPoints = {"words.plan", "words.read", "words.store"};
const Strings kForkServerPoints = {"fork.request", "fork.cloned"};
// Met only where the database goes away.
const Strings kDatabasePoints = {"database.reach", "database.back"};
const Strings kDeaths = {"exit", "abort", "segv", "kill"};

/// Paths of which the database holds something, but not all of what it says it does.
Strings half_stored(const Database& database) {
  const auto rows = database.rows(
      "SELECT f.path FROM forkdex.files f WHERE f.state IN ('indexed', 'empty') "
      "AND f.chunk_count <> (SELECT count(*) FROM forkdex.chunks c "
      "  WHERE c.repository_id = f.repository_id AND c.path_hash = f.path_hash) "
      "UNION SELECT c.path FROM forkdex.chunks c "
      "LEFT JOIN forkdex.files f USING (repository_id, path_hash) "
      "WHERE f.state IS DISTINCT FROM 'indexed'");
  Strings paths;
  for (const auto& row : rows) paths.push_back(row[0]);
  return paths;
}

/// Breaks a run by `fault`, each strike once; then runs undisturbed. Checks what must be true.
void break_and_resume(const fs::path& root, const Dump& expected, const std::string& fault) {
  INFO(fault);
  const Database database;
  const TemporaryFolder folder;
  Command command = faulty(root, database, folder / "broken.json", fault,
                           {"--file-timeout", "1", "--memory-per-worker", "512MiB"});
  command.environment["FORKDEX_FAULT_ONCE"] = (folder / "struck").string();
  const Ended broken = run(command, std::chrono::seconds(120));
  INFO(broken.text());
  CHECK(read_file(folder / "struck").substr(0, 1) == "\1");
  CHECK(half_stored(database) == Strings());
  const IndexRun second = index(root, database, {"--repository", "r", "--retry-failed"});
  INFO(second.ended.text());
  REQUIRE(second.ended.status == 0);
  CHECK(contradictions(second.report, database) == Strings());
  CHECK(differences(expected, dump(database, "r")) == Strings());
}

TEST_CASE("faults: a death or an error at any point loses nothing and leaves no half",
          "[kill][shallow]") {
  const SmallTree tree;
  const Dump expected = undisturbed(tree.folder.path(), "r");
  std::mt19937 random(new_seed());
  for (const Strings* points : {&kSupervisorPoints, &kWorkerPoints, &kForkServerPoints})
    for (const std::string& point : *points) {
      break_and_resume(tree.folder.path(), expected, point + "=kill");
      break_and_resume(tree.folder.path(), expected, point + "=error");
      break_and_resume(tree.folder.path(), expected, point + "=" + kDeaths[random() % 3]);
    }
}

TEST_CASE("faults: a death or an error on the way back to a lost database loses nothing",
          "[kill][shallow]") {
  const SmallTree tree;
  const Dump expected = undisturbed(tree.folder.path(), "r");
  for (const std::string& point : kDatabasePoints)
    for (const std::string action : {"kill", "abort", "error"}) {
      const std::string fault = point + "=" + action;
      INFO(fault);
      const OwnServer server;
      const TemporaryFolder folder;
      Command command = server.command(
          {"index", "--repository", "r", "--progress", "json", tree.folder.path().string()});
      command.arguments.front() =
          (program_path("supervisor").parent_path().parent_path() / "faulty/supervisor").string();
      command.environment["FORKDEX_FAULT"] = fault;
      command.environment["FORKDEX_FAULT_ONCE"] = (folder / "struck").string();
      Program program(command);
      wait_until("a file is finished",
                 [&] { return finished_files(program.err()) > 0 || !program.running(); });
      REQUIRE(program.running());
      ::kill(server.postmaster(), SIGKILL);
      const Ended broken = program.wait(std::chrono::seconds(120));
      INFO(broken.text());
      CHECK(read_file(folder / "struck").substr(0, 1) == "\1");
      const Database database(server.start());
      const IndexRun second =
          index(tree.folder.path(), database, {"--repository", "r", "--retry-failed"});
      INFO(second.ended.text());
      REQUIRE(second.ended.status == 0);
      CHECK(differences(expected, dump(database, "r")) == Strings());
    }
}

TEST_CASE("faults: a death or an error while commits are collected loses nothing",
          "[kill][shallow]") {
  const GitFolder folder;
  for (int i = 0; i < 5; ++i) {
    folder.write("file" + std::to_string(i % 3) + ".py", "a = " + std::to_string(i) + "\n");
    folder.commit("Change number " + std::to_string(i), i);
  }
  const Dump expected = undisturbed(folder.path(), "r");
  CHECK(expected.commits.size() == 5);
  std::mt19937 random(new_seed());
  for (const std::string& point : kCommitPoints) {
    break_and_resume(folder.path(), expected, point + "=kill");
    break_and_resume(folder.path(), expected, point + "=error");
    break_and_resume(folder.path(), expected, point + "=" + kDeaths[random() % 3]);
  }
}

TEST_CASE("faults: a death or an error while words are merged costs no word and no row", "[kill]") {
  const TemporaryFolder tree;
  for (const char* file : {"a", "b"})
    tree.write(std::string(file) + ".py", definitions(file, 300, 1));
  const Database quiet;
  index_words(tree.path(), quiet);
  const Dump expected = dump(quiet, "r");
  std::mt19937 random(new_seed());
  Strings faults;
  for (const std::string& point : kWordsPoints) {
    for (const std::string& action :
         {std::string("kill"), std::string("error"), kDeaths[random() % 3]})
      faults.push_back(point + "=" + action);
    if (point == "words.plan") continue;  // no limit holds the supervisor
    for (const char* action : {"hang", "allocate"}) faults.push_back(point + "=" + action);
  }
  for (const std::string& fault : faults) {
    INFO(fault);
    const Database database;
    const TemporaryFolder folder;
    Command command =
        faulty(tree.path(), database, folder / "broken.json", fault,
               {"--no-vectors", "--file-timeout", "1", "--memory-per-worker", "512MiB"});
    command.environment["FORKDEX_FAULT_ONCE"] = (folder / "struck").string();
    const Ended broken = run(command, std::chrono::seconds(120));
    INFO(broken.text());
    CHECK(read_file(folder / "struck").substr(0, 1) == "\1");
    // Whatever became of the merge, each word is found.
    CHECK(words_hits(database, {definition("a", 7, 1)}) == Strings{place("a", 7)});
    CHECK(files_in(index_words(tree.path(), database).report, "unchanged") == 2);
    CHECK(count_rows(database, "word_segments") == 1);
    CHECK(differences(expected, dump(database, "r")) == Strings());
    for (const std::string& query : {definition("b", 7, 1), edition(1)})
      CHECK(words_results(database, {query}) == words_results(quiet, {query}));
  }
}

TEST_CASE("faults: a merge of words that always stands still or dies is given up", "[kill]") {
  const TemporaryFolder tree;
  tree.write("a.py", definitions("a", 600, 1));
  for (const char* action : {"hang", "abort"}) {
    INFO(action);
    const Database database;
    const TemporaryFolder folder;
    const Ended ended =
        run(faulty(tree.path(), database, folder / "report.json",
                   std::string("words.store=") + action, {"--no-vectors", "--file-timeout", "1"}),
            std::chrono::seconds(60));
    INFO(ended.text());
    CHECK(ended.status == 0);
    CHECK(ended.err.find("words.not_merged") != std::string::npos);
    CHECK(count_rows(database, "word_segments") == 0);
    CHECK(words_hits(database, {definition("a", 7, 1)}) == Strings{place("a", 7)});
  }
}

TEST_CASE("faults: a supervisor killed while a worker merges words leaves nothing half merged",
          "[kill]") {
  const TemporaryFolder tree;
  const auto write = [&](int of) {
    for (const char* file : {"a", "b"})
      tree.write(std::string(file) + ".py", definitions(file, 300, of));
  };
  write(1);
  const Database database;
  index_words(tree.path(), database);
  write(2);
  const TemporaryFolder folder;
  Program program(
      faulty(tree.path(), database, folder / "broken.json", "words.store=hang", {"--no-vectors"}));
  Connection connection(database.url());
  wait_until("a worker has deleted segments", [&] {
    return !program.running() ||
           !connection
                .rows(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = "
                    "'idle in transaction' AND query LIKE '%FROM forkdex.word_segments%'")
                .empty();
  });
  REQUIRE(program.running());
  CHECK(words_hits(database, {definition("a", 7, 2)}) == Strings{place("a", 7)});
  program.signal(SIGKILL);
  program.wait();
  CHECK(words_hits(database, {definition("a", 7, 2)}) == Strings{place("a", 7)});
  CHECK(words_hits(database, {definition("a", 7, 1)}).empty());
  CHECK(files_in(index_words(tree.path(), database).report, "unchanged") == 2);
  CHECK(database.value("SELECT sum(chunks) FROM forkdex.word_segments") == "600");
  CHECK(words_hits(database, {definition("a", 7, 2)}) == Strings{place("a", 7)});
  CHECK(words_hits(database, {definition("a", 7, 1)}).empty());
}

TEST_CASE("faults: a worker that stands still or eats memory at any point loses nothing",
          "[kill][shallow]") {
  const SmallTree tree;
  const Dump expected = undisturbed(tree.folder.path(), "r");
  for (const std::string& point : kWorkerPoints) {
    // Before it is ready a worker has a minute, and no limit that a file could have met.
    if (point == "worker.start" || point == "worker.connect" || point == "worker.ready") continue;
    break_and_resume(tree.folder.path(), expected, point + "=hang");
    break_and_resume(tree.folder.path(), expected, point + "=allocate");
  }
  // No limit holds the fork server, so it is not made to allocate.
  for (const std::string& point : kForkServerPoints)
    break_and_resume(tree.folder.path(), expected, point + "=hang");
}

TEST_CASE("faults: several at random lose nothing", "[kill][shallow]") {
  const SmallTree tree;
  const Dump expected = undisturbed(tree.folder.path(), "r");
  std::mt19937 random(new_seed());
  Strings points = kWorkerPoints;
  points.insert(points.end(), kSupervisorPoints.begin(), kSupervisorPoints.end());
  points.insert(points.end(), kForkServerPoints.begin(), kForkServerPoints.end());
  for (int round = 0; round < 12; ++round) {
    std::string schedule;
    for (int strike = 0; strike < 3; ++strike)
      schedule += points[random() % points.size()] + "=" + kDeaths[random() % kDeaths.size()] +
                  "@" + std::to_string(1 + random() % 3) + ";";
    INFO(schedule);
    const Database database;
    const TemporaryFolder folder;
    Command command = faulty(tree.folder.path(), database, folder / "r.json", schedule, {});
    command.environment["FORKDEX_FAULT_ONCE"] = (folder / "struck").string();
    // Each run meets at most the strikes that are left.
    Ended ended;
    for (int runs = 0; runs < 4; ++runs) ended = run(command, std::chrono::seconds(120));
    INFO(ended.text());
    REQUIRE(ended.status == 0);
    CHECK(differences(expected, dump(database, "r")) == Strings());
  }
}

}  // namespace
}  // namespace forkdex::test
