// Clones that are interrupted, by a signal or a death, whoever dies.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/blackbox/clone_fixture.h"
#include "tests/support/processes.h"

namespace forkdex::test {
namespace {

TEST_CASE("clone: an interrupt ends git too, and leaves nothing behind") {
  const SlowRemote there;
  Program program(there.slow_command());
  there.wait_for_git();
  CHECK(there.clones(false).size() == 1);
  const std::vector<int> children = descendants_named(program.pid(), "git");
  CHECK_FALSE(children.empty());
  program.signal(SIGINT);
  const Ended ended = program.wait();
  CHECK(ended.signal == SIGINT);
  CHECK(there.clones(true) == Strings());
  CHECK(there.clones(false) == Strings());
  for (const int child : children) CHECK(proc_file(child, "cmdline").empty());
  there.check_next_run();
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
}

TEST_CASE("clone: killed in the middle, the next run starts over") {
  const SlowRemote there;
  Program program(there.slow_command());
  there.wait_for_git();
  program.signal(SIGKILL);
  CHECK(program.wait().signal == SIGKILL);
  CHECK(there.clones(true) == Strings());
  there.check_next_run();
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
}

TEST_CASE("clone: git killed in the middle is an error, and the next run starts over") {
  const SlowRemote there;
  Program program(there.slow_command());
  there.wait_for_git();
  for (const int child : descendants_named(program.pid(), "git")) ::kill(child, SIGKILL);
  const Ended ended = program.wait();
  INFO(ended.text());
  CHECK(ended.status == 69);
  CHECK(there.clones(false) == Strings());
  there.check_next_run();
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
}

TEST_CASE("clone: one that somebody broke by hand is made anew") {
  const SlowRemote there;
  there.check_next_run();
  fs::remove_all(there.data / ("forkdex/clones/" + there.clones(true).front() + "/objects"));
  there.check_next_run();
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
}

TEST_CASE("clone: while a run fetches a URL another ends 75 and names it, or waits") {
  const SlowRemote there;
  Program first(there.slow_command());
  there.wait_for_git();
  const Ended refused = run(there.slow_command());
  INFO(refused.text());
  CHECK(refused.status == 75);
  CHECK(refused.err.find("is in use by process " + std::to_string(first.pid()) + ":") !=
        std::string::npos);
  const Database other;
  Command command = there.slow_command();
  command.environment["DATABASE_URL"] = other.url();
  const auto report = std::find(command.arguments.begin(), command.arguments.end(), "--report");
  *(report + 1) = (there.folder / "other.json").string();
  command.arguments.insert(command.arguments.end() - 1, "--wait");
  Program second(command);
  wait_until("the second run waits", [&] {
    return second.err().find("run.waits reason=\"the clone of ") != std::string::npos ||
           !second.running();
  });
  CHECK(descendants_named(second.pid(), "git").empty());
  there.folder.write("go", "");
  CHECK(first.wait().status == 0);
  CHECK(second.wait().status == 0);
  CHECK(there.clones(true).size() == 1);
  CHECK(other.value("SELECT count(*) FROM forkdex.files") == "2");
}

TEST_CASE("clone: what a killed run began is removed by one that clones something else") {
  const SlowRemote there;
  Program program(there.slow_command());
  there.wait_for_git();
  program.signal(SIGKILL);
  program.wait();
  const auto unfinished = [&] { return there.clones(false); };
  REQUIRE(unfinished().size() == 1);
  // Its git and ssh end a moment after it, and let go of the lock.
  there.folder.write("go", "");
  wait_until("the rest is removed", [&] {
    const TemporaryFolder other;
    other.write("x.py", function("x"));
    make_repository(other.path());
    there.index("file://" + other.path().string(), 0, {"--repository", "other"});
    Command remove = supervisor_command({"remove", "other"});
    remove.environment["DATABASE_URL"] = there.database.url();
    remove.environment["XDG_DATA_HOME"] = there.data.path().string();
    REQUIRE(run(remove).status == 0);
    return unfinished().empty();
  });
  CHECK(fs::is_empty(there.data / "forkdex/clones"));
}

TEST_CASE("clone: killed while it is brought up to date, it stays what it was until the next run") {
  const SlowRemote there;
  there.folder.write("go", "");
  REQUIRE(run(there.slow_command()).status == 0);
  there.commit("src/c.py", function("c"));
  fs::remove(there.folder / "go");
  fs::remove(there.folder / "asked");
  Program program(there.slow_command());
  there.wait_for_git();
  program.signal(SIGKILL);
  program.wait();
  // What a git that was killed at another moment leaves.
  const fs::path clone = there.data / ("forkdex/clones/" + there.clones(true).front());
  for (const char* lock :
       {"packed-refs.lock", "shallow.lock", "refs/heads/main.lock", "refs/forkdex/head.lock"}) {
    fs::create_directories((clone / lock).parent_path());
    there.data.write(clone.lexically_relative(there.data.path()) / lock, "");
  }
  there.data.write(clone.lexically_relative(there.data.path()) / "objects/pack/tmp_pack_x", "x");
  there.check_next_run();
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b", "src/c.py c"});
  CHECK_FALSE(fs::exists(clone / "objects/pack/tmp_pack_x"));
}

}  // namespace
}  // namespace forkdex::test
