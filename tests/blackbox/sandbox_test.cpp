// How a run's workers are shut in: what the kernel itself says of them while they work.

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/own_server.h"
#include "tests/support/processes.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

constexpr unsigned long long kDacReadSearch = 1ull << 2;

/// The value of `field` in /proc/`pid`/status; empty when it is not there.
std::string status_of(int pid, const std::string& field) {
  std::istringstream lines(proc_file(pid, "status"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(field + ":")) {
      const std::size_t value = line.find_first_not_of(" \t", field.size() + 1);
      return value == std::string::npos ? "" : line.substr(value);
    }
  return "";
}

/// Whether this machine's `supervisor doctor` says `what`.
bool doctor_says(const std::string& what) {
  return supervisor({"doctor"}).out.find(what) != std::string::npos;
}

/// The folders called `name` below `root`.
std::vector<std::string> folders_named(const fs::path& root, const std::string& name) {
  std::vector<std::string> found;
  for (const auto& entry :
       fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied))
    if (entry.path().filename() == name) found.push_back(entry.path());
  return found;
}

/// A run whose two workers have both worked. The supervisor stands still from then on, so that they
/// stay, however fast the machine is.
class BusyRun {
 public:
  enum class Pass { kFiles, kTexts };
  explicit BusyRun(Pass pass)
      : program_(server_.command(
            {"--workers", "2", "--progress", "json",
             pass == Pass::kFiles ? "--no-vectors" : "--no-commits",
             (corpus("rxjs-7.8.2") / (pass == Pass::kFiles ? "" : "src")).string()})) {
    const auto both_work = [&] {
      const std::string& told = program_.err();
      if (pass == Pass::kTexts) return steps_told(told) >= finished_files(told) + kFewestSteps;
      return told.find("\"worker\":0") != std::string::npos &&
             told.find("\"worker\":1") != std::string::npos;
    };
    wait_until(
        "both workers have finished a job", [&] { return both_work() || !program_.running(); },
        [&] { return program_.err(); }, std::chrono::seconds(120));
    REQUIRE(program_.running());
    program_.signal(SIGSTOP);
  }
  Program& program() { return program_; }
  /// Goes on, and is asked to end.
  Ended end() {
    program_.signal(SIGCONT);
    program_.signal(SIGTERM);
    return program_.wait(std::chrono::seconds(60));
  }
  std::vector<int> workers() const { return descendants_named(program_.pid(), "worker"); }

 private:
  static constexpr int kFewestSteps = 4;  // by then both workers have embedded
  OwnServer server_;
  Program program_;
};

TEST_CASE("sandbox: every worker of a run has given up what it does not need") {
  const auto pass = GENERATE(BusyRun::Pass::kFiles, BusyRun::Pass::kTexts);
  INFO("pass " << static_cast<int>(pass));
  BusyRun run(pass);
  const std::vector<int> workers = run.workers();
  REQUIRE(workers.size() == 2);
  const bool filters = doctor_says(", system call filter");
  for (const int pid : workers) {
    INFO(proc_file(pid, "status"));
    CHECK(status_of(pid, "NoNewPrivs") == "1");
    if (filters) CHECK(status_of(pid, "Seccomp") == "2");
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      // Without the right to change it, a user's process keeps the bounding set it was given.
      if (std::string(set) == "CapBnd" &&
          status_of(run.program().pid(), "CapEff") == std::string(16, '0'))
        continue;
      INFO(set);
      CHECK((std::stoull(status_of(pid, set), nullptr, 16) & ~kDacReadSearch) == 0);
    }
  }
  CHECK(run.program().err().find("sandbox.incomplete") == std::string::npos);
  CHECK(run.end().signal == SIGTERM);
}

TEST_CASE("sandbox: over its connection a worker can write rows, and have the server do no more") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n");
  const OwnServer server;
  const Ended indexed = server.run({"--repository", "r", tree.path().string()});
  INFO(indexed.text());
  REQUIRE(indexed.status == 0);
  const std::string owner = server.start();
  Connection worker(with_parameters(owner, {{"user", "forkdex_worker"}}));
  CHECK(worker.rows("SELECT count(*) FROM forkdex.files")[0][0] == "1");
  for (const char* forbidden :
       {"COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/made'",
        "SELECT pg_read_file('/etc/passwd')", "ALTER SYSTEM SET work_mem = '1MB'",
        "SET ROLE forkdex", "DROP TABLE forkdex.chunks", "CREATE TABLE forkdex.t ()",
        "UPDATE forkdex.repositories SET name = 'x'", "DELETE FROM forkdex.runs"}) {
    INFO(forbidden);
    CHECK_THROWS(worker.rows(forbidden));
  }
}

TEST_CASE("sandbox: a database role that may do everything is warned of") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n");
  const Database database;  // the tests' own connect as the owner
  const IndexRun run = index(tree.path(), database);
  INFO(run.ended.text());
  CHECK(run.ended.status == 0);
  CHECK(run.ended.err.find("superuser") != std::string::npos);
}

TEST_CASE("sandbox: every worker of a run has a memory group of its own, and none is left") {
  if (!doctor_says("by cgroup")) {
    skip("this machine lets nobody make control groups");
    return;
  }
  BusyRun run(BusyRun::Pass::kTexts);
  std::vector<std::string> groups;
  for (const int pid : run.workers()) {
    std::istringstream lines(proc_file(pid, "cgroup"));
    for (std::string line; std::getline(lines, line);)
      if (line.find("forkdex-") != std::string::npos) groups.push_back(line);
  }
  REQUIRE(groups.size() == 2);
  CHECK(groups[0] != groups[1]);
  CHECK(run.end().signal == SIGTERM);
  const std::string name = groups[0].substr(groups[0].find("forkdex-"));
  const std::string parent = name.substr(0, name.find('/'));
  CHECK(folders_named("/sys/fs/cgroup", parent).empty());
}

}  // namespace
}  // namespace forkdex::test
