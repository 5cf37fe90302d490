// Killed workers, a killed supervisor, signals: the run completes, or the next one does, and the
// rows are those of an undisturbed run.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

using Strings = std::vector<std::string>;

const Strings kOptions = {"--repository", "rxjs", "--workers", "2", "--progress", "json"};

std::filesystem::path rxjs() { return corpus("rxjs-7.8.2") / "src"; }
std::filesystem::path operators() { return rxjs() / "internal/operators"; }  // half as much

/// What every case over operators() compares with; made by the first one.
const Dump& undisturbed_operators() {
  static const Dump made = undisturbed(operators(), "rxjs");
  return made;
}

TEST_CASE("death: workers and their fork server killed twenty times and more cost no row",
          "[kill][shallow]") {
  constexpr std::size_t kFewestKills = 20;
  constexpr std::size_t kMostKills = 40;
  constexpr int kFiles = 260;
  const unsigned seed = std::random_device()();
  UNSCOPED_INFO("seed " << seed);
  std::mt19937 random(seed);

  const Dump expected = undisturbed(rxjs(), "rxjs");
  const Database database;
  const TemporaryFolder folder;
  Strings options = kOptions;
  options.insert(options.end(), {"--in-flight", "2"});  // files are told of one by one
  Program program(index_command(rxjs(), database, folder / "report.json", options));
  std::set<int> killed;  // a pid that was killed and not yet reaped can be killed again
  std::set<int> killed_servers;
  // A file or some texts between two kills show that the run goes on; the moment after is a random
  // one. Some are left for the second pass.
  for (int told = 0; killed.size() < kMostKills && program.running();) {
    told = wait_for_step(program, told);
    if (killed.size() == kFewestKills && finished_files(program.err()) < kFiles) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
    const std::vector<int> servers = fork_servers(program.pid());
    std::vector<int> victims = descendants_named(program.pid(), "worker");
    victims.insert(victims.end(), servers.begin(), servers.end());
    if (victims.empty()) continue;  // all are being started again
    const int victim = victims[random() % victims.size()];
    if (::kill(victim, SIGKILL) != 0) continue;
    killed.insert(victim);
    if (std::count(servers.begin(), servers.end(), victim) > 0) killed_servers.insert(victim);
  }
  const Ended ended = program.wait(std::chrono::minutes(10));
  INFO("after " << killed.size() << " kills, " << killed_servers.size()
                << " of fork servers: " << ended.text());
  CHECK(killed.size() >= kFewestKills);
  REQUIRE(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(report.at("workers").at("started").get<std::size_t>() >=
        killed.size() - killed_servers.size());
  CHECK(contradictions(report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("death: a killed fork server costs no worker, and another one takes its place",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const Database database;
  const TemporaryFolder folder;
  Program program(index_command(operators(), database, folder / "report.json", kOptions));
  // The texts take long enough, and by then the workers of the files have ended.
  wait_until(
      "workers embed",
      [&] {
        return steps_told(program.err()) >= finished_files(program.err()) + 2 || !program.running();
      },
      [&] { return program.err(); }, std::chrono::seconds(120));
  const std::vector<int> before = descendants_named(program.pid(), "worker");
  const std::vector<int> servers = fork_servers(program.pid());
  REQUIRE(servers.size() == 1);
  REQUIRE(::kill(servers.front(), SIGKILL) == 0);
  // The next worker is needed before there is another fork server.
  REQUIRE(::kill(before.front(), SIGKILL) == 0);
  wait_until("there is another fork server", [&] {
    const std::vector<int> now = fork_servers(program.pid());
    return (now.size() == 1 && now != servers) || !program.running();
  });
  const Ended ended = program.wait(std::chrono::minutes(3));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(ended.err.find("fork_server.died") != std::string::npos);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(report.at("workers").at("started") == 5);  // two read; two embedded, and one more
  CHECK(report.at("workers").at("crashed") == 1);
  CHECK(contradictions(report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("death: a worker that crashes twice, or stands still, costs no file", "[kill][shallow]") {
  // Two deaths make a file suspect; only a third one, alone, would be its own.
  const auto [number, counted, deaths] =
      GENERATE(table<int, std::string, int>({{SIGSEGV, "crashed", 2}, {SIGSTOP, "timed_out", 1}}));
  const Dump& expected = undisturbed_operators();
  const Database database;
  const TemporaryFolder folder;
  Strings options = kOptions;
  options.insert(options.end(), {"--file-timeout", "1"});
  Program program(index_command(operators(), database, folder / "report.json", options));
  std::set<int> struck;
  for (int finished = 0; struck.size() < static_cast<std::size_t>(deaths) && program.running();) {
    finished = wait_for_files(program, finished + 1);
    const std::vector<int> workers = descendants_named(program.pid(), "worker");
    if (!workers.empty() && ::kill(workers.front(), number) == 0) struck.insert(workers.front());
  }
  const Ended ended = program.wait(std::chrono::minutes(3));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(report.at("workers").at(counted) == struck.size());
  CHECK(contradictions(report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("death: INT and TERM drain, and the next run completes what is left", "[kill][shallow]") {
  const int number = GENERATE(SIGINT, SIGTERM);
  const bool whole_group = number == SIGINT;  // as Ctrl-C does
  const Dump& expected = undisturbed_operators();
  const Database database;
  const TemporaryFolder folder;
  Program program(index_command(operators(), database, folder / "report.json", kOptions));
  wait_for_files(program, 5);
  REQUIRE(program.running());
  whole_group ? program.signal_group(number) : program.signal(number);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.signal == number);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(report.at("status") == "interrupted");
  // What was finished is kept.
  const int kept = std::stoi(database.value("SELECT count(*) FROM forkdex.files"));
  CHECK(kept >= finished_files(ended.err));
  CHECK(kept < static_cast<int>(expected.files.size()));

  const IndexRun second = index(operators(), database, kOptions);
  INFO(second.ended.text());
  REQUIRE(second.ended.status == 0);
  CHECK(files_in(second.report, "unchanged") == kept);
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

TEST_CASE("death: a second signal stops at once a run that cannot drain", "[kill][shallow]") {
  const Database database;
  const TemporaryFolder folder;
  Program program(index_command(operators(), database, folder / "report.json", kOptions));
  wait_for_files(program, 1);
  for (const int pid : descendants_named(program.pid(), "worker")) ::kill(pid, SIGSTOP);
  program.signal(SIGTERM);
  // Two pending signals of one number would be one: the first must have been taken.
  wait_until("the first signal is taken", [&] {
    const std::string status = proc_file(program.pid(), "status");
    const std::size_t at = status.find("ShdPnd:");
    return at == std::string::npos || std::stoull(status.substr(at + 7), nullptr, 16) == 0;
  });
  REQUIRE(program.running());
  program.signal(SIGTERM);
  const Ended ended = program.wait(std::chrono::seconds(20));
  INFO(ended.text());
  CHECK(ended.signal == SIGTERM);
}

TEST_CASE("death: a killed supervisor takes its workers along, and the next run completes",
          "[kill][shallow]") {
  const Dump& expected = undisturbed_operators();
  const Database database;
  {
    const TemporaryFolder folder;
    Program program(index_command(operators(), database, folder / "report.json", kOptions));
    wait_for_files(program, 5);
    std::vector<int> workers = descendants_named(program.pid(), "worker");
    CHECK(workers.size() >= 2);
    const std::vector<int> servers = fork_servers(program.pid());
    CHECK(servers.size() == 1);
    workers.insert(workers.end(), servers.begin(), servers.end());
    program.signal(SIGKILL);
    CHECK(program.wait().signal == SIGKILL);
    wait_until("the workers are gone", [&] {
      return std::none_of(workers.begin(), workers.end(), [](int pid) {
        const std::string stat = proc_file(pid, "stat");
        return !stat.empty() && stat.find(") Z ") == std::string::npos;
      });
    });
  }
  const IndexRun second = index(operators(), database, kOptions);
  INFO(second.ended.text());
  REQUIRE(second.ended.status == 0);
  CHECK(contradictions(second.report, database) == Strings());
  CHECK(differences(expected, dump(database, "rxjs")) == Strings());
}

}  // namespace
}  // namespace forkdex::test
