// Two runs on one repository, and the ways to name a database.

#include <catch2/catch.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/git_folder.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

constexpr int kTryAgain = 75;

/// A run that has finished its first file and goes no further until released.
class HeldRun {
 public:
  explicit HeldRun(const Database& database)
      : program_(index_command(root(), database, folder_ / "report.json",
                               {"--repository", "held", "--workers", "1", "--progress", "json"})) {
    wait_until("a file is finished",
               [&] { return finished_files(program_.err()) > 0 || !program_.running(); });
    REQUIRE(program_.running());
    signal_workers(SIGSTOP);
  }

  static std::filesystem::path root() { return corpus("rxjs-7.8.2") / "src/internal/operators"; }

  void release() { signal_workers(SIGCONT); }
  Program& program() { return program_; }

 private:
  void signal_workers(int number) {
    for (const int pid : descendants_named(program_.pid(), "worker")) ::kill(pid, number);
  }

  TemporaryFolder folder_;
  Program program_;
};

TEST_CASE("claim: a second run on a repository ends 75 and names the holder", "[shallow]") {
  const Database database;
  HeldRun held(database);
  const Ended second = index(HeldRun::root(), database, {"--repository", "held"}).ended;
  INFO(second.text());
  CHECK(second.status == kTryAgain);
  CHECK(second.err.find("held") != std::string::npos);
  CHECK(second.err.find("in use by forkdex supervisor, process " +
                        std::to_string(held.program().pid()) + " (") != std::string::npos);
  const Ended other =
      index(corpus("rxjs-7.8.2") / "src/internal/scheduler", database, {"--repository", "free"})
          .ended;
  INFO(other.text());
  CHECK(other.status == 0);
  held.release();
  CHECK(held.program().wait().status == 0);
}

TEST_CASE("claim: with --wait the second run waits for the first", "[shallow]") {
  const Database database;
  HeldRun held(database);
  const TemporaryFolder folder;
  Program second(index_command(HeldRun::root(), database, folder / "report.json",
                               {"--repository", "held", "--wait"}));
  wait_until("the second run asks for the claim", [&] {
    return database.value(
               "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
               "AND query LIKE '%pg_try_advisory_lock%'") != "0" ||
           !second.running();
  });
  CHECK(second.running());
  held.release();
  CHECK(held.program().wait().status == 0);
  const Ended ended = second.wait();
  INFO(ended.text());
  CHECK(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(files_in(report, "unchanged") == files_in(report, "total"));
}

/// A session that has the repository called `name`, as a run does.
class HeldClaim {
 public:
  HeldClaim(const Database& database, const std::string& name) : connection_(database.url()) {
    connection_.rows(
        "SELECT pg_advisory_lock(1717860355, id) FROM forkdex.repositories "
        "WHERE name = '" +
        name + "'");
  }
  void release() { connection_.rows("SELECT pg_advisory_unlock_all()"); }
  Connection& connection() { return connection_; }

 private:
  Connection connection_;
};

/// A run with --wait that waits.
void wait_for_claim(Program& program) {
  wait_until("the run waits", [&] {
    return program.err().find("run.waits reason=\"repository r is in use by ") !=
               std::string::npos ||
           !program.running();
  });
  REQUIRE(program.running());
}

TEST_CASE("claim: what happened while a run waited is what it indexes") {
  const GitFolder folder;
  folder.write("a.py", "def a():\n    return 1\n");
  folder.commit("First", 1);
  const Database database;
  REQUIRE(index(folder.path(), database, {"--repository", "r"}).ended.status == 0);

  HeldClaim held(database, "r");
  const TemporaryFolder reports;
  Program waiting(index_command(folder.path(), database, reports / "report.json",
                                {"--repository", "r", "--workers", "1", "--wait"}));
  wait_for_claim(waiting);
  folder.write("b.py", "def b():\n    return 2\n");
  folder.commit("Second", 2);
  held.release();
  const Ended ended = waiting.wait();
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  const std::string head = run_git(folder.path(), {"rev-parse", "HEAD"}).substr(0, 40);
  CHECK(database.rows("SELECT head, walked_head FROM forkdex.repositories") ==
        std::vector<Row>{{head, head}});
  CHECK(database.value("SELECT last_commit FROM forkdex.files WHERE path = 'b.py'") == head);
}

TEST_CASE("claim: a repository that was removed while a run waited is added anew") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n");
  const Database database;
  REQUIRE(index(tree.path(), database, {"--repository", "r"}).ended.status == 0);

  HeldClaim held(database, "r");
  const TemporaryFolder reports;
  Program waiting(index_command(tree.path(), database, reports / "report.json",
                                {"--repository", "r", "--workers", "1", "--wait"}));
  wait_for_claim(waiting);
  for (const char* table : {"chunks", "files", "runs"})
    held.connection().rows(std::string("DELETE FROM forkdex.") + table);
  held.connection().rows("DELETE FROM forkdex.repositories");
  held.release();
  const Ended ended = waiting.wait();
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(database.value("SELECT count(*) FROM forkdex.files") == "1");
  CHECK(database.value("SELECT name FROM forkdex.repositories") == "r");
}

TEST_CASE("claim: a dead holder's ends by itself", "[kill][shallow]") {
  const Database database;
  {
    HeldRun held(database);
    held.program().signal(SIGKILL);
    held.release();
    CHECK(held.program().wait().signal == SIGKILL);
  }
  const IndexRun next = index(HeldRun::root(), database, {"--repository", "held", "--wait"});
  INFO(next.ended.text());
  CHECK(next.ended.status == 0);
}

TEST_CASE("database-url: a driver in the scheme is dropped, and the flag wins over the variable") {
  const TemporaryFolder tree;
  tree.write("one.py", "def one():\n    return 1\n");
  const Database database;
  std::string url = database.url();
  url.replace(url.find("://"), 0, "+asyncpg");
  Command command = supervisor_command({"--repository", "one", tree.path().string()});
  command.environment["DATABASE_URL"] = url;
  const Ended ended = run(command);
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(database.value("SELECT name FROM forkdex.repositories") == "one");

  command.environment["DATABASE_URL"] = "postgresql://127.0.0.1:1/none";
  command.arguments.insert(command.arguments.begin() + 1, {"--database-url", database.url()});
  CHECK(run(command).status == 0);
  command.arguments.erase(command.arguments.begin() + 1, command.arguments.begin() + 3);
  command.environment["FORKDEX_DATABASE_URL"] = database.url();
  CHECK(run(command).status == 0);
}

TEST_CASE("report: --report - writes one JSON object and nothing else on standard output") {
  const TemporaryFolder tree;
  tree.write("one.py", "def one():\n    return 1\n");
  const Database database;
  Command command = supervisor_command({"--report", "-", "--quiet", tree.path().string()});
  command.environment["DATABASE_URL"] = database.url();
  const Ended ended = run(command);
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  const auto report = nlohmann::json::parse(ended.out);
  for (const char* key : {"repository", "root", "head", "status", "files", "chunks", "commits",
                          "graph", "workers", "seconds", "memory", "languages", "problems"}) {
    CHECK(report.contains(key));
  }
  CHECK(report.at("languages").at("python") == nlohmann::json({{"files", 1}, {"chunks", 1}}));
  CHECK(report.at("memory").at("supervisor_peak_rss_bytes").get<long>() > 0);
  CHECK(report.at("memory").at("workers_peak_pss_bytes").get<long>() > 0);
  CHECK(nlohmann::json::parse(database.value("SELECT report FROM forkdex.runs")).at("files") ==
        report.at("files"));
}

}  // namespace
}  // namespace forkdex::test
