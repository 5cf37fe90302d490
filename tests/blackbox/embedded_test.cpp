// The embedded database: started when needed, stopped when not, and nobody else's business.

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

/// The postmasters among our children; every server ends up as one, its starter having ended.
std::set<int> all_postmasters() {
  std::set<int> pids;
  for (const ProcessInfo& info : descendants(::getpid())) {
    if (info.parent == ::getpid() && info.name == "postgres" && info.state != 'Z') {
      pids.insert(info.pid);
    }
  }
  return pids;
}

/// A data folder of the case's own, and a small tree.
struct Machine {
  TemporaryFolder data;
  TemporaryFolder tree;
  std::set<int> others = all_postmasters();  // the server that cases share

  Machine() { tree.write("hello.py", "def greet(name):\n    return 'hello ' + name\n"); }

  Command command(const std::vector<std::string>& arguments) const {
    Command command = supervisor_command(arguments);
    command.environment["XDG_DATA_HOME"] = data.path().string();
    return command;
  }
  Ended run(const std::vector<std::string>& arguments) const {
    return test::run(command(arguments));
  }

  /// The servers started since.
  std::vector<int> postmasters() const {
    const std::set<int> now = all_postmasters();
    std::vector<int> started;
    std::set_difference(now.begin(), now.end(), others.begin(), others.end(),
                        std::back_inserter(started));
    return started;
  }
};

TEST_CASE("embedded: index and search work from an empty data folder and leave no server") {
  const Machine machine;
  const Ended indexed = machine.run({machine.tree.path().string()});
  INFO(indexed.text());
  REQUIRE(indexed.status == 0);
  CHECK(machine.postmasters().empty());
  const Ended found = machine.run({"search", "say hello to somebody"});
  INFO(found.text());
  CHECK(found.status == 0);
  CHECK(found.out.find("hello.py:1") != std::string::npos);
  CHECK(machine.postmasters().empty());
}

TEST_CASE("embedded: an interrupted run leaves no server") {
  const Machine machine;
  Command command = machine.command({"--progress", "json"});
  command.arguments.push_back((corpus("rxjs-7.8.2") / "src").string());
  Program program(command);
  wait_until("a file is finished",
             [&] { return finished_files(program.err()) > 0 || !program.running(); });
  program.signal(SIGTERM);
  const Ended ended = program.wait(std::chrono::seconds(60));
  INFO(ended.text());
  CHECK(ended.signal == SIGTERM);
  CHECK(machine.postmasters().empty());
}

TEST_CASE("embedded: start pins the server until stop, and url names it") {
  const Machine machine;
  CHECK(machine.run({"database", "url"}).status != 0);
  const Ended started = machine.run({"database", "start"});
  INFO(started.text());
  REQUIRE(started.status == 0);
  REQUIRE(machine.postmasters().size() == 1);
  CHECK(machine.run({"database", "start"}).status == 0);

  std::string url = machine.run({"database", "url"}).out;
  REQUIRE(url.starts_with("postgresql://"));
  url.pop_back();
  CHECK(Connection(url).rows("SHOW fsync").at(0).at(0) == "on");
  CHECK(Connection(url).rows("SHOW listen_addresses").at(0).at(0) == "");

  REQUIRE(machine.run({machine.tree.path().string()}).status == 0);
  CHECK(Connection(url).rows("SELECT count(*) FROM forkdex.files").at(0).at(0) == "1");

  CHECK(machine.run({"database", "stop"}).status == 0);
  CHECK(machine.postmasters().empty());
}

TEST_CASE("embedded: several runs at once share one server") {
  const Machine machine;
  const TemporaryFolder other;
  other.write("bye.py", "def leave():\n    return 'bye'\n");
  Program first(machine.command({"--repository", "a", machine.tree.path().string()}));
  Program second(machine.command({"--repository", "b", other.path().string()}));
  const Ended first_ended = first.wait();
  const Ended second_ended = second.wait();
  INFO(first_ended.text() << second_ended.text());
  CHECK(first_ended.status == 0);
  CHECK(second_ended.status == 0);
  CHECK(machine.postmasters().empty());
  const Ended status = machine.run({"status"});
  CHECK(status.out.find("a\n") != std::string::npos);
  CHECK(status.out.find("b\n") != std::string::npos);
}

TEST_CASE("embedded: after a killed postmaster the next run recovers", "[kill]") {
  const Machine machine;
  REQUIRE(machine.run({machine.tree.path().string()}).status == 0);
  REQUIRE(machine.run({"database", "start"}).status == 0);
  const std::vector<int> servers = machine.postmasters();
  REQUIRE(servers.size() == 1);
  ::kill(servers[0], SIGKILL);
  const Ended again = machine.run({machine.tree.path().string()});
  INFO(again.text());
  CHECK(again.status == 0);
  CHECK(machine.run({"search", "say hello"}).out.find("hello.py:1") != std::string::npos);
  CHECK(machine.run({"database", "stop"}).status == 0);
}

TEST_CASE("embedded: the server of a killed supervisor is adopted by the next run", "[kill]") {
  const Machine machine;
  for (int i = 0; i < 200; ++i) {
    machine.tree.write("f" + std::to_string(i) + ".py",
                       "def f" + std::to_string(i) + "():\n    return " + std::to_string(i) + "\n");
  }
  Program program(machine.command({"--progress", "json", machine.tree.path().string()}));
  wait_until("a file is finished",
             [&] { return finished_files(program.err()) > 0 || !program.running(); });
  program.signal(SIGKILL);
  CHECK(program.wait().signal == SIGKILL);
  const Ended again = machine.run({machine.tree.path().string()});
  INFO(again.text());
  CHECK(again.status == 0);
  CHECK(machine.postmasters().empty());
}

TEST_CASE("embedded: an unprivileged user needs nothing but a home") {
  if (::geteuid() != 0) {
    skip("every case that this user runs is one of an unprivileged user");
    return;
  }
  const Machine machine;
  for (const fs::path& folder : {machine.data.path(), machine.tree.path()}) {
    REQUIRE(::chown(folder.c_str(), 65534, 65534) == 0);
  }
  const TemporaryFolder home;
  REQUIRE(::chown(home.path().c_str(), 65534, 65534) == 0);
  Command command = machine.command({machine.tree.path().string()});
  command.as = As::kNobody;
  for (const char* folder : {"HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"}) {
    command.environment[folder] = home.path().string();
  }
  const Ended ended = test::run(command);
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(machine.postmasters().empty());
}

}  // namespace
}  // namespace forkdex::test
