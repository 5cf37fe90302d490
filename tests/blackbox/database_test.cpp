// The database, taken away in the middle of a run: it waits, goes on, and the rows are those of an
// undisturbed run; or it ends with what is finished kept, and the next run does the rest.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/own_server.h"
#include "tests/support/processes.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using Strings = std::vector<std::string>;

const Strings kOptions = {"--repository", "rxjs", "--workers", "2", "--progress", "json"};

fs::path operators() { return corpus("rxjs-7.8.2") / "src/internal/operators"; }

/// What every case compares with; made by the first one.
const Dump& undisturbed_operators() {
  static const Dump made = undisturbed(operators(), "rxjs");
  return made;
}

/// An index run over `server`: as its embedded one, or as a URL that somebody else looks after.
Command index_over(const OwnServer& server, const fs::path& report, Strings options,
                   const std::string& url = "") {
  options.insert(options.begin(), {"index", "--report", report.string()});
  options.insert(options.end(), kOptions.begin(), kOptions.end());
  options.push_back(operators().string());
  Command command = server.command(options);
  if (!url.empty()) command.environment["DATABASE_URL"] = url;
  return command;
}

TEST_CASE("database: connections cut twenty times, the supervisor's among them, cost no row",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  std::mt19937 random(new_seed());
  const Database database;
  const TemporaryFolder folder;
  Strings options = kOptions;
  options.insert(options.end(), {"--in-flight", "2"});  // files are told of one by one
  Program program(index_command(operators(), database, folder / "report.json", options));
  Connection connection(database.url());
  int cut = 0;
  for (int told = 0; program.running();) {
    told = wait_for_step(program, told);
    const auto sessions = connection.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name LIKE 'forkdex %' ORDER BY pid");
    if (sessions.empty()) continue;
    const std::string& pid = sessions[random() % sessions.size()][0];
    if (connection.rows("SELECT pg_terminate_backend(" + pid + ")")[0][0] == "t") ++cut;
  }
  const Ended ended = program.wait(std::chrono::minutes(5));
  INFO("after " << cut << " cuts: " << ended.text());
  CHECK(cut >= 20);
  REQUIRE(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(files_in(report, "quarantined") == 0);
  CHECK(contradictions(report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE(
    "database: the embedded server killed in the middle is started again, and the run goes on",
    "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {}));
  for (const int files : {5, 40}) {
    wait_for_files(program, files);
    REQUIRE(program.running());
    const int postmaster = server.postmaster();
    REQUIRE(postmaster > 0);
    ::kill(postmaster, SIGKILL);
    wait_until("another server runs or the run has ended", [&] {
      return !program.running() || (server.postmaster() > 0 && server.postmaster() != postmaster);
    });
  }
  const Ended ended = program.wait(std::chrono::minutes(5));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(ended.err.find("database.lost") != std::string::npos);
  CHECK(ended.err.find("database.back") != std::string::npos);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  const Database database(server.start());
  CHECK(contradictions(report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("database: a server stopped at once and started by somebody else is waited for",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {}, url));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  ::kill(server.postmaster(), SIGQUIT);
  wait_until("the run waits",
             [&] { return program.err().find("database.lost") != std::string::npos; });
  REQUIRE(server.start() == url);
  const Ended ended = program.wait(std::chrono::minutes(5));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  const Database database(url);
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("database: one that stays away ends the run with 75, and the next one resumes it",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {"--database-timeout", "1"}, url));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  ::kill(server.postmaster(), SIGQUIT);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.status == 75);
  CHECK(ended.err.find("--database-timeout") != std::string::npos);
  CHECK(nlohmann::json::parse(read_file(folder / "report.json")).at("status") == "partial");

  const Database database(server.start());
  const int kept = std::stoi(database.value("SELECT count(*) FROM forkdex.files"));
  CHECK(kept >= finished_files(ended.err));
  const Ended second =
      run(index_over(server, folder / "second.json", {}, url), std::chrono::minutes(5));
  INFO(second.text());
  REQUIRE(second.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "second.json"));
  CHECK(files_in(report, "unchanged") == kept);
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

/// While it lives, every process of `server` stands still, and no connection is closed.
class StandsStill {
 public:
  explicit StandsStill(const OwnServer& server) : pids_(server.backends()) {
    pids_.push_back(server.postmaster());
    for (const int pid : pids_) ::kill(pid, SIGSTOP);
  }
  ~StandsStill() {
    for (const int pid : pids_) ::kill(pid, SIGCONT);
  }
  StandsStill(const StandsStill&) = delete;
  StandsStill& operator=(const StandsStill&) = delete;

 private:
  std::vector<int> pids_;
};

TEST_CASE("database: a server that stands still without closing anything is waited for no longer",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  // Workers that wait for it end by their own deadline, and no file is blamed.
  const Strings options = {"--database-timeout", "1", "--file-timeout", "2"};
  Program program(index_over(server, folder / "report.json", options, url));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  auto still = std::make_optional<StandsStill>(server);
  const Ended ended = program.wait(std::chrono::seconds(120));
  still.reset();
  INFO(ended.text());
  CHECK(ended.status == 75);
  CHECK(ended.err.find("database.lost") != std::string::npos);

  const Ended second =
      run(index_over(server, folder / "second.json", {}, url), std::chrono::minutes(5));
  INFO(second.text());
  REQUIRE(second.status == 0);
  CHECK(differences(expected, dump(Database(url), "rxjs")) == Strings());
}

TEST_CASE("database: one that stands still for too long and then goes on is come back to",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  const Strings options = {"--database-timeout", "15", "--file-timeout", "2"};
  Program program(index_over(server, folder / "report.json", options, url));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  {
    const StandsStill still(server);
    wait_until(
        "the run waits",
        [&] {
          return program.err().find("database.lost") != std::string::npos || !program.running();
        },
        [&] { return program.err(); }, std::chrono::seconds(120));
  }
  const Ended ended = program.wait(std::chrono::minutes(5));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(ended.err.find("database.back") != std::string::npos);
  CHECK(differences(expected, dump(Database(url), "rxjs")) == Strings());
}

TEST_CASE("database: a second signal ends the wait for one that stands still", "[kill][shallow]") {
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {}, url));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  auto still = std::make_optional<StandsStill>(server);
  program.signal(SIGTERM);
  wait_until("it drains", [&] { return program.err().find("draining") != std::string::npos; });
  program.signal(SIGTERM);
  const Ended ended = program.wait(std::chrono::seconds(30));
  still.reset();
  INFO(ended.text());
  CHECK(ended.signal == SIGTERM);
  CHECK(nlohmann::json::parse(read_file(folder / "report.json")).at("status") == "interrupted");
}

TEST_CASE("database: one that stands still for a moment costs nothing", "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {}, url));
  for (int pauses = 0, finished = 0; program.running() && pauses < 5; ++pauses) {
    finished = wait_for_files(program, finished + 1);
    const StandsStill still(server);
    // Long enough for a worker to have met it.
    Program(supervisor_command({"--version"})).wait();
  }
  const Ended ended = program.wait(std::chrono::minutes(5));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(report.at("workers").at("crashed") == 0);
  CHECK(differences(expected, dump(Database(url), "rxjs")) == Strings());
}

TEST_CASE("database: a signal while it is waited for ends the run by that signal",
          "[kill][shallow]") {
  const OwnServer server;
  const std::string url = server.start();
  const TemporaryFolder folder;
  Program program(index_over(server, folder / "report.json", {}, url));
  wait_for_files(program, 5);
  ::kill(server.postmaster(), SIGQUIT);
  wait_until("the run waits",
             [&] { return program.err().find("database.lost") != std::string::npos; });
  program.signal(SIGTERM);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.signal == SIGTERM);
  server.start();  // so that it is stopped properly
  CHECK(nlohmann::json::parse(read_file(folder / "report.json")).at("status") == "interrupted");
}

}  // namespace
}  // namespace forkdex::test
