// Standard streams that are closed or cannot be written.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/own_server.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using Words = std::vector<std::string>;

constexpr unsigned kIn = 1;
constexpr unsigned kOut = 2;
constexpr unsigned kErr = 4;
constexpr int kUsage = 64;
constexpr int kTryAgain = 75;

/// `command` as a shell starts it with these redirections.
Command redirected(Command command, const std::string& redirections) {
  command.arguments[0] = program_path(command.arguments[0]).string();
  command.arguments.insert(command.arguments.begin(),
                           {"/bin/sh", "-c", R"(exec "$0" "$@" )" + redirections});
  return command;
}

Command without_streams(const Command& command, unsigned closed) {
  return redirected(command, std::string((closed & kIn) != 0 ? "<&- " : "") +
                                 ((closed & kOut) != 0 ? ">&- " : "") +
                                 ((closed & kErr) != 0 ? "2>&- " : ""));
}

bool is_one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.ends_with('\n');
}

/// A server with an index of one file.
struct Indexed {
  Indexed() {
    tree.write("area.py", "def area(radius):\n    return 3.14 * radius ** 2\n");
    url = server.start();
    REQUIRE(server.run({"index", tree.path().string(), "--repository", "r"}).status == 0);
  }
  Command command(const Words& words) const { return server.command(words); }
  /// The files of locks and records in the data folder that hold more than a number or a folder.
  Words spoilt() const {
    Words names;
    const fs::path data = *server.command({}).environment.at("XDG_DATA_HOME");
    for (const auto& entry : fs::directory_iterator(data / "forkdex")) {
      if (entry.path().extension() != ".lock") continue;
      const std::string text = read_file(entry.path());
      if (!std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }))
        names.push_back(entry.path().filename().string() + ": " + text);
    }
    return names;
  }

  TemporaryFolder tree;
  OwnServer server;
  std::string url;
};

/// Commands that print an answer, first those that take milliseconds.
const std::vector<Words> kQuick = {
    {"--help"},
    {"--version"},
    {"index", "--help"},
    {"search", "--help"},
    {"status"},
    {"status", "--json"},
    {"status", "r"},
    {"failures", "r"},
    {"database", "url"},
    {"failures", "r", "--json"},
    {"database", "start"},
};

TEST_CASE("closed streams: any of 0, 1 and 2 -> a command answers, or refuses the closed output",
          "[shallow]") {
  const Indexed indexed;
  for (const Words& words : kQuick) {
    const Ended undisturbed = run(indexed.command(words));
    INFO(undisturbed.text());
    REQUIRE(undisturbed.status == 0);
    for (unsigned closed = 1; closed < 8; ++closed) {
      const Ended ended = run(without_streams(indexed.command(words), closed));
      INFO(words.front() << ", closed " << closed << ": " << ended.text());
      CHECK(ended.status == ((closed & kOut) != 0 ? kUsage : 0));
      CHECK(ended.out.empty() == ((closed & kOut) != 0 || undisturbed.out.empty()));
      if ((closed & (kOut | kErr)) == kOut) {
        CHECK(is_one_line(ended.err));
        CHECK(ended.err.find("standard output is closed") != std::string::npos);
      }
      CHECK(indexed.spoilt() == Words());
    }
  }
  const std::string tree = indexed.tree.path().string();
  for (const Words& words : {Words{"search", "area of a circle"}, Words{"doctor"},
                             Words{"index", tree, "--repository", "r"}}) {
    for (const unsigned closed : {kOut, kIn | kOut, kOut | kErr, kIn | kOut | kErr, kIn | kErr}) {
      const Ended ended = run(without_streams(indexed.command(words), closed));
      INFO(words.front() << ", closed " << closed << ": " << ended.text());
      CHECK(ended.status == ((closed & kOut) != 0 ? kUsage : 0));
      CHECK(ended.out.empty() == ((closed & kOut) != 0));
      CHECK(indexed.spoilt() == Words());
    }
  }
  const Ended removed = run(without_streams(indexed.command({"remove", "r"}), kIn | kOut | kErr));
  INFO(removed.text());
  CHECK(removed.status == 0);
  CHECK(Database(indexed.url).value("SELECT count(*) FROM forkdex.repositories") == "0");
}

TEST_CASE("closed streams: a refused command has started and changed nothing") {
  const OwnServer server;
  const Ended refused = run(without_streams(server.command({"database", "start"}), kOut));
  INFO(refused.text());
  CHECK(refused.status == kUsage);
  CHECK(server.postmaster() == 0);
}

TEST_CASE(
    "closed streams: a quiet run without 0, 1 and 2 -> it and its workers have /dev/null there",
    "[shallow]") {
  const Indexed indexed;
  indexed.tree.write("volume.py", "def volume(radius):\n    return 4.18 * radius ** 3\n");
  Connection locks(indexed.url);
  locks.rows("BEGIN");
  locks.rows("LOCK TABLE forkdex.chunks IN EXCLUSIVE MODE");
  const std::string tree = indexed.tree.path().string();
  Program program(without_streams(indexed.command({"index", tree, "--repository", "r", "--quiet"}),
                                  kIn | kOut | kErr));
  std::vector<int> workers;
  wait_until("a worker waits for the lock", [&] {
    workers = descendants_named(program.pid(), "worker");
    return locks.rows("SELECT FROM pg_locks WHERE NOT granted").size() == 1;
  });
  const auto stream = [](int pid, int fd) {
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd)).string();
  };
  for (const int fd : {0, 1, 2}) CHECK(stream(program.pid(), fd) == "/dev/null");
  REQUIRE(!workers.empty());
  for (const int worker : workers)
    for (const int fd : {0, 1}) CHECK(stream(worker, fd) == "/dev/null");
  locks.rows("ROLLBACK");
  const Ended ended = program.wait();
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(Database(indexed.url).value("SELECT count(*) FROM forkdex.files") == "2");
}

TEST_CASE("closed streams: what a run is told to read or write there is refused") {
  const TemporaryFolder tree;
  tree.write("a.txt", "a\n");
  const Database database;
  const auto index = [&](const Words& more, unsigned closed) {
    Words words = {"index", tree.path().string(), "--database-url", database.url()};
    words.insert(words.end(), more.begin(), more.end());
    return run(without_streams(supervisor_command(words), closed));
  };
  const Ended list = index({"--files-from", "-"}, kIn);
  INFO(list.text());
  CHECK(list.status == kUsage);
  CHECK(list.err.find("--files-from - cannot be read") != std::string::npos);
  const Ended report = index({"--quiet", "--report", "-"}, kOut);
  INFO(report.text());
  CHECK(report.status == kUsage);
  CHECK(report.err.find("standard output is closed") != std::string::npos);
  CHECK(database.value("SELECT to_regclass('forkdex.repositories') IS NULL") == "t");
}

TEST_CASE("closed streams: a report on standard output without standard error -> the run completes",
          "[shallow]") {
  const TemporaryFolder tree;
  const Database database;
  const Ended ended = run(without_streams(
      supervisor_command({tree.path().string(), "--database-url", database.url(), "--report", "-"}),
      kErr));
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(ended.out.find("\"status\": \"complete\"") != std::string::npos);
}

TEST_CASE(
    "unwritable output: a full device, or one open for reading only -> a sentence and status") {
  const Indexed indexed;
  for (const Words& words : kQuick) {
    if (words == Words{"failures", "r"}) continue;  // it has none, and so prints nothing
    const Ended full = run(redirected(indexed.command(words), ">/dev/full"));
    INFO(words.front() << ": " << full.text());
    CHECK(full.status == kTryAgain);
    CHECK(is_one_line(full.err));
    const Ended read_only = run(redirected(indexed.command(words), "1</dev/null"));
    INFO(words.front() << ": " << read_only.text());
    CHECK(read_only.status == kUsage);
    CHECK(is_one_line(read_only.err));
  }
}

TEST_CASE("worker --version: an output that is closed or full -> a sentence and status 64") {
  Command version;
  version.arguments = {"worker", "--version"};
  for (const char* redirection : {">&-", ">/dev/full", "<&- >&-"}) {
    const Ended ended = run(redirected(version, redirection));
    INFO(redirection << ": " << ended.text());
    CHECK(ended.status == kUsage);
    CHECK(is_one_line(ended.err));
  }
  CHECK(run(redirected(version, "<&- 2>&-")).status == 0);
}

}  // namespace
}  // namespace forkdex::test
