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

#include "tests/blackbox/words_fixture.h"
#include "tests/support/corpus.h"
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
namespace fs = std::filesystem;

const Strings kSupervisorPoints = {"run.claimed",  "run.planned",  "run.dispatched",
                                   "ledger.flush", "run.finished", "report.write"};
const Strings kWorkerPoints = {"worker.start",  "worker.connect", "worker.ready", "worker.take",
                               "file.read",     "file.parse",     "embed.lookup", "embed.batch",
                               "embed.done",    "store.begin",    "store.commit", "store.committed",
                               "worker.outcome"};
const Strings kCommitPoints = {"commits.walk",   "commits.write",  "commits.settle",
                               "commits.embed",  "commits.done",   "messages.read",
                               "messages.embed", "messages.store", "messages.stored"};
const Strings kWordsPoints = {"words.plan", "words.read", "words.store"};
const Strings kForkServerPoints = {"fork.request", "fork.cloned"};
// Met only where the database goes away.
const Strings kDatabasePoints = {"database.reach", "database.back"};
const Strings kDeaths = {"exit", "abort", "segv", "kill"};

/// A dozen small real files, and one that holds nothing for the ledger to write down.
struct SmallTree {
  SmallTree() {
    const fs::path operators = corpus("rxjs-7.8.2") / "src/internal/operators";
    for (const char* name : {"map.ts", "first.ts", "last.ts", "skip.ts", "take.ts", "every.ts",
                             "count.ts", "delay.ts", "retry.ts", "isEmpty.ts", "max.ts", "min.ts"})
      fs::copy_file(operators / name, folder / name);
    folder.write("picture.png", std::string("\x89PNG\0\0", 6));
  }
  TemporaryFolder folder;
};

constexpr int kFiles = 13;

Command faulty(const fs::path& root, const Database& database, const fs::path& report,
               const std::string& fault, Strings options) {
  options.insert(options.begin(), {"--repository", "r", "--workers", "2"});
  Command command = index_command(root, database, report, options);
  command.arguments.front() =
      (program_path("supervisor").parent_path().parent_path() / "faulty/supervisor").string();
  command.environment["FORKDEX_FAULT"] = fault;
  return command;
}

/// Paths of which the database holds something, but not all of what it says it does.
Strings half_stored(const Database& database) {
  const auto rows = database.rows(
      "SELECT f.path FROM forkdex.files f WHERE f.state IN ('indexed', 'empty') "
      "AND f.chunk_count <> (SELECT count(*) FROM forkdex.chunks c "
      "  WHERE c.repository_id = f.repository_id AND c.path_hash = f.path_hash) "
      "UNION SELECT c.path FROM forkdex.chunks c "
      "LEFT JOIN forkdex.files f USING (repository_id, path_hash) "
      "WHERE f.state IS DISTINCT FROM 'indexed' OR NOT EXISTS (SELECT FROM forkdex.vectors v "
      "  WHERE v.content_hash = c.content_hash)");
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
    if (point.starts_with("messages.")) {
      break_and_resume(folder.path(), expected, point + "=hang");
      break_and_resume(folder.path(), expected, point + "=allocate");
    }
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

TEST_CASE("faults: a file that ends its worker each time is quarantined, and stays so",
          "[kill][shallow]") {
  const auto [action, reason, counter] = GENERATE(table<std::string, std::string, std::string>({
      {"segv", "crashed", "crashed"},
      {"exit", "crashed", "crashed"},
      {"hang", "timed_out", "timed_out"},
      {"allocate", "out_of_memory", "out_of_memory"},
  }));
  const std::string point = GENERATE("file.parse", "embed.batch");
  INFO(point << " " << action);
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const std::string fault = point + "=" + action + ":retry.ts";
  // Only what stands still has to be waited for: memory takes its time where others want the cores.
  Strings options = {"--memory-per-worker", "512MiB"};
  if (action == "hang") options.insert(options.end(), {"--file-timeout", "2"});
  const Ended first = run(faulty(root, database, folder / "1.json", fault, options));
  INFO(first.text());
  CHECK(first.status == 1);
  const auto report = nlohmann::json::parse(read_file(folder / "1.json"));
  CHECK(report.at("status") == "complete");
  CHECK(files_in(report, "indexed") == kFiles - 2);
  CHECK(files_in(report, "quarantined") == 1);
  CHECK(report.at("workers").at(counter).get<int>() >= 3);
  REQUIRE(report.at("problems").size() == 1);
  CHECK(report.at("problems")[0].at("path") == "retry.ts");
  CHECK(report.at("problems")[0].at("reason") == reason);
  CHECK(report.at("problems")[0].at("attempts") == 3);
  CHECK(contradictions(report, database) == Strings());

  // It is known: nobody tries it.
  const Ended second = run(faulty(root, database, folder / "2.json", fault, options));
  INFO(second.text());
  CHECK(second.status == 1);
  const auto again = nlohmann::json::parse(read_file(folder / "2.json"));
  CHECK(again.at("workers").at(counter) == 0);
  CHECK(files_in(again, "quarantined") == 1);
  CHECK(again.at("problems") == report.at("problems"));
  Command listing = supervisor_command({"failures", "r"});
  listing.environment["DATABASE_URL"] = database.url();
  const Ended listed = run(listing);
  CHECK(listed.out.find("quarantined retry.ts: " + reason) != std::string::npos);
  CHECK(listed.out.find("3 attempts") != std::string::npos);

  // Asked for, it is tried again; the fault is gone, and so is the verdict.
  const IndexRun third = index(root, database, {"--repository", "r", "--retry-failed"});
  INFO(third.ended.text());
  CHECK(third.ended.status == 0);
  CHECK(differences(undisturbed(root, "r"), dump(database, "r")) == Strings());
}

TEST_CASE("faults: a touched file stays quarantined, a changed one is tried again",
          "[kill][shallow]") {
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const std::string fault = "file.parse=segv:retry.ts";
  CHECK(run(faulty(root, database, folder / "1.json", fault, {})).status == 1);
  fs::last_write_time(root / "retry.ts",
                      fs::last_write_time(root / "retry.ts") + std::chrono::seconds(5));
  const IndexRun touched = index(root, database, {"--repository", "r"});
  INFO(touched.ended.text());
  CHECK(touched.ended.status == 1);
  CHECK(files_in(touched.report, "quarantined") == 1);
  tree.folder.write("retry.ts", "export const changed = 1;\n");
  const IndexRun changed = index(root, database, {"--repository", "r"});
  INFO(changed.ended.text());
  CHECK(changed.ended.status == 0);
  CHECK(files_in(changed.report, "indexed") == 1);
}

TEST_CASE("faults: a higher limit tries again what the lower one refused", "[kill][shallow]") {
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const Strings low = {"--file-timeout", "1"};
  CHECK(run(faulty(root, database, folder / "1.json", "file.parse=hang:retry.ts", low)).status ==
        1);
  const IndexRun same = index(root, database, {"--repository", "r", "--file-timeout", "1"});
  CHECK(same.ended.status == 1);
  CHECK(files_in(same.report, "quarantined") == 1);
  const IndexRun higher = index(root, database, {"--repository", "r", "--file-timeout", "2"});
  INFO(higher.ended.text());
  CHECK(higher.ended.status == 0);
}

TEST_CASE("faults: one file of 251 that allocates without end costs one file", "[kill][shallow]") {
  const fs::path root = corpus("rxjs-7.8.2") / "src";
  const Strings options = {"--languages", "typescript"};
  const Database quiet_database;
  const Database database;
  const TemporaryFolder folder;
  const Ended quiet = run(faulty(root, quiet_database, folder / "quiet.json", "", options));
  REQUIRE(quiet.status == 0);
  const Ended ended = run(faulty(root, database, folder / "r.json",
                                 "file.parse=allocate:internal/operators/retry.ts", options));
  INFO(ended.text());
  CHECK(ended.status == 1);
  const auto report = nlohmann::json::parse(read_file(folder / "r.json"));
  CHECK(files_in(report, "indexed") == 250);
  CHECK(files_in(report, "quarantined") == 1);
  CHECK(report.at("workers").at("out_of_memory") == 3);
  CHECK(report.at("problems")[0].at("reason") == "out_of_memory");
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE attempts > 1") == "1");
  WARN("beyond the undisturbed run: " << (ended.elapsed - quiet.elapsed).count() << " s");
}

}  // namespace
}  // namespace forkdex::test
