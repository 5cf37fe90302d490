// Everything that a run consists of, killed at random: workers, their fork server, the database
// server's processes, its first one, and the supervisor itself. Whatever is killed, a run that
// completes has lost, doubled and mixed nothing.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/own_server.h"
#include "tests/support/processes.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using Strings = std::vector<std::string>;

fs::path operators() { return corpus("rxjs-7.8.2") / "src/internal/operators"; }

enum class Victim { kWorker, kBackend, kPostmaster, kSupervisor, kForkServer };

class Chaos {
 public:
  explicit Chaos(unsigned seed) : random_(seed), expected_(undisturbed(operators(), "rxjs")) {
    server_.start();
  }

  /// Runs to completion again and again until `kills` are done; compares after every one.
  void go_on_until(std::size_t kills) {
    while (kills_ < kills) {
      run_once(kills);
      ++runs_;
      const Database database(server_.start());
      REQUIRE(differences(expected_, dump(database, "rxjs")) == Strings());
      REQUIRE(server_.run({"remove", "rxjs"}).status == 0);
    }
  }

  std::string account() const {
    std::string text = std::to_string(runs_) + " runs, killed:";
    constexpr const char* kNames[] = {"workers", "backends", "postmasters", "supervisors",
                                      "fork servers"};
    for (const auto& [victim, count] : counts_)
      text += " " + std::to_string(count) + " " + kNames[static_cast<int>(victim)];
    return text;
  }

 private:
  Command command() const {
    return server_.command({"--repository", "rxjs", "--workers", "2", "--progress", "json",
                            "--report", (folder_ / "report.json").string(), operators().string()});
  }

  /// One run, started again when its supervisor was killed, to its end with status 0.
  void run_once(std::size_t kills) {
    for (bool killed = true; killed;) {
      killed = false;
      Program program(command());
      int finished = 0;
      while (kills_ < kills && !killed && program.running()) {
        INFO(account());
        finished = wait_for_files(program, finished + 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 200));
        killed = kill_one(program);
      }
      const Ended ended = program.wait(std::chrono::minutes(5));
      if (killed) continue;
      INFO(account() << "\n" << ended.text());
      REQUIRE(ended.status == 0);
      const Database database(server_.start());
      REQUIRE(contradictions(nlohmann::json::parse(read_file(folder_ / "report.json")), database) ==
              Strings());
    }
  }

  /// Kills somebody. Whether it was the supervisor.
  bool kill_one(const Program& program) {
    // Workers are killed most often; the server has to recover in between.
    constexpr Victim kDraw[] = {Victim::kWorker,    Victim::kWorker,     Victim::kWorker,
                                Victim::kWorker,    Victim::kBackend,    Victim::kBackend,
                                Victim::kBackend,   Victim::kPostmaster, Victim::kSupervisor,
                                Victim::kForkServer};
    const Victim victim = kDraw[random_() % std::size(kDraw)];
    std::vector<int> pids;
    if (victim == Victim::kWorker) pids = descendants_named(program.pid(), "worker");
    if (victim == Victim::kForkServer) pids = fork_servers(program.pid());
    if (victim == Victim::kBackend) pids = server_.backends();
    if (victim == Victim::kPostmaster && server_.postmaster() > 0) pids = {server_.postmaster()};
    if (victim == Victim::kSupervisor) pids = {program.pid()};
    if (pids.empty()) return false;
    if (::kill(pids[random_() % pids.size()], SIGKILL) != 0) return false;
    ++kills_;
    ++counts_[victim];
    return victim == Victim::kSupervisor;
  }

  std::mt19937 random_;
  Dump expected_;
  OwnServer server_;
  TemporaryFolder folder_;
  std::map<Victim, int> counts_;
  std::size_t kills_ = 0;
  int runs_ = 0;
};

void kill_at_random(std::size_t kills) {
  const unsigned seed = new_seed();
  Chaos chaos(seed);
  chaos.go_on_until(kills);
  WARN("seed " << seed << ": " << chaos.account());
}

TEST_CASE("chaos: twenty kills at random lose, double and mix nothing", "[kill][shallow]") {
  kill_at_random(20);
}

TEST_CASE("chaos: two hundred kills at random lose, double and mix nothing", "[slow][shallow]") {
  kill_at_random(200);
}

}  // namespace
}  // namespace forkdex::test
