// Files that change under the hands of a run, and very many of them.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/file_states.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
using States = std::map<std::string, std::string>;

constexpr const char* kCode = "def f():\n    return 1\n";
constexpr long kMebibyte = 1 << 20;

std::string function(int number) {
  return "def f" + std::to_string(number) + "():\n    return " + std::to_string(number) + "\n";
}

TEST_CASE("hostile changes: what changes between listing and reading ends as what it has become") {
  const TemporaryFolder outside;
  outside.write("secret.py", "def secret():\n    return 'outside'\n");
  const TemporaryFolder tree;
  for (const char* name : {"vanished.py", "shrunk.py", "grown.py", "too_large.py", "link.py",
                           "fifo.py", "folder.py", "moved/inner.py", "swapped/secret.py"})
    tree.write(name, std::string(kCode) + "\n\ndef g():\n    return 2\n");
  tree.write("neighbour.py", kCode);
  const Database database;
  const TemporaryFolder reports;
  Program program(index_command(tree.path(), database, reports / "report.json",
                                {"--workers", "1", "--max-file-size", "64KiB"}));
  // Jobs are planned before the fork server is started; while it loads there is no worker.
  std::vector<int> servers;
  wait_until(
      "a fork server starts",
      [&] {
        servers = fork_servers(program.pid());
        return !servers.empty() || !program.running();
      },
      [&] { return program.err(); });
  REQUIRE(servers.size() == 1);
  REQUIRE(::kill(servers.front(), SIGSTOP) == 0);
  REQUIRE(database.value("SELECT count(*) FROM forkdex.files") == "0");
  fs::remove(tree / "vanished.py");
  tree.write("shrunk.py", kCode);
  tree.write("grown.py", function(1) + function(2) + function(3));
  tree.write("too_large.py", std::string(100'000, '\n'));
  for (const char* name : {"link.py", "fifo.py", "folder.py"}) fs::remove(tree / name);
  fs::create_symlink(outside / "secret.py", tree / "link.py");
  REQUIRE(::mkfifo((tree / "fifo.py").c_str(), 0644) == 0);
  fs::create_directory(tree / "folder.py");
  fs::remove_all(tree / "moved");
  fs::remove_all(tree / "swapped");
  fs::create_directory_symlink(outside.path(), tree / "swapped");
  REQUIRE(::kill(servers.front(), SIGCONT) == 0);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.status == 1);
  const auto report = nlohmann::json::parse(read_file(reports / "report.json"));
  CHECK(contradictions(report, database) == Strings());
  CHECK(file_states(database) == States{{"fifo.py", "skipped: not_regular"},
                                        {"folder.py", "skipped: not_regular"},
                                        {"grown.py", "indexed"},
                                        {"link.py", "skipped: not_regular"},
                                        {"moved/inner.py", "failed: vanished"},
                                        {"neighbour.py", "indexed"},
                                        {"shrunk.py", "indexed"},
                                        {"swapped/secret.py", "skipped: not_regular"},
                                        {"too_large.py", "skipped: too_large"},
                                        {"vanished.py", "failed: vanished"}});
  CHECK(database.value("SELECT chunk_count FROM forkdex.files WHERE path = 'grown.py'") == "3");
  CHECK(database.value("SELECT chunk_count FROM forkdex.files WHERE path = 'shrunk.py'") == "1");
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE source LIKE '%outside%'") == "0");

  const IndexRun next = index(tree.path(), database, {"--max-file-size", "64KiB"});
  INFO(next.ended.text());
  CHECK(next.ended.status == 0);
  CHECK(contradictions(next.report, database) == Strings());
  CHECK(files_in(next.report, "removed") == 4);  // what vanished, and what stands at other paths
}

/// Grows, shrinks, replaces and removes a folder's files without pause until it is destroyed.
class Meddler {
 public:
  Meddler(const fs::path& folder, int files, unsigned seed)
      : thread_([this, folder, files, seed] {
          std::mt19937 random(seed);
          for (int text = 0; !stop_; ++text)
            meddle(folder / std::to_string(random() % static_cast<unsigned>(files)).append(".py"),
                   random() % 5, text);
        }) {}
  ~Meddler() {
    stop_ = true;
    thread_.join();
  }

 private:
  static void meddle(const fs::path& file, unsigned long what, int text) {
    std::error_code ignored;
    const fs::path beside = file.string() + ".new";
    switch (what) {
      case 0:
        std::ofstream(file, std::ios::app) << function(text % 50);
        break;
      case 1:
        ::truncate(file.c_str(), 20);
        break;
      case 2:
        fs::remove(file, ignored);
        break;
      case 3:
        std::ofstream(file) << function(text % 50);
        break;
      default:  // as editors save
        std::ofstream(beside) << function(text % 50) << function(text % 40);
        fs::rename(beside, file, ignored);
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_CASE("hostile changes: files that never stand still cost no neighbour and no count") {
  constexpr int kRestless = 20;
  constexpr int kNeighbours = 100;
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  const TemporaryFolder tree;
  for (int i = 0; i < kRestless; ++i)
    tree.write("restless/" + std::to_string(i) + ".py", function(i));
  for (int i = 0; i < kNeighbours; ++i)
    tree.write("still/" + std::to_string(i) + ".py", function(i));
  const Database database;
  const std::string still = "SELECT count(*) FROM forkdex.files WHERE path LIKE 'still/%'";
  {
    const Meddler meddler(tree / "restless", kRestless, seed);
    for (int round = 0; round < 3; ++round) {
      const IndexRun run = index(tree.path(), database, {"--workers", "2"});
      INFO(run.ended.text());
      CHECK((run.ended.status == 0 || run.ended.status == 1));
      CHECK(run.report.at("status") == "complete");
      CHECK(run.report.at("workers").at("started") == 4);  // two that read, two that embed
      CHECK(run.report.at("workers").at("recycled") == 2);
      CHECK(contradictions(run.report, database) == Strings());
      CHECK(database.value(still + " AND state = 'indexed'") == std::to_string(kNeighbours));
    }
  }
  for (int i = 0; i < kRestless; ++i)
    tree.write("restless/" + std::to_string(i) + ".py", function(1000 + i));
  const IndexRun calm = index(tree.path(), database, {"--workers", "2"});
  INFO(calm.ended.text());
  CHECK(calm.ended.status == 0);
  CHECK(contradictions(calm.report, database) == Strings());
  // No row is of bytes that are not there any more.
  for (int i = 0; i < kRestless; ++i) {
    const std::string path = "restless/" + std::to_string(i) + ".py";
    CHECK(database.value("SELECT source || E'\\n' FROM forkdex.chunks WHERE path = '" + path +
                         "'") == function(1000 + i));
  }
}

TEST_CASE("hostile numbers: a hundred thousand files in one folder", "[slow]") {
  constexpr int kFiles = 100'000;
  const TemporaryFolder tree;
  for (int i = 0; i < kFiles; ++i)
    std::ofstream(tree / (std::to_string(i) + ".py")) << function(i % 100);
  const Database database;
  const IndexRun first = index(tree.path(), database);
  INFO(first.ended.text());
  CHECK(first.ended.status == 0);
  CHECK(files_in(first.report, "indexed") == kFiles);
  CHECK(contradictions(first.report, database) == Strings());
  CHECK(first.report.at("memory").at("supervisor_peak_rss_bytes").get<long>() < 64 * kMebibyte);
  const IndexRun second = index(tree.path(), database);
  CHECK(files_in(second.report, "unchanged") == kFiles);
  CHECK(second.ended.elapsed.count() < 60);
  CHECK(second.report.at("memory").at("supervisor_peak_rss_bytes").get<long>() < 64 * kMebibyte);
}

}  // namespace
}  // namespace forkdex::test
