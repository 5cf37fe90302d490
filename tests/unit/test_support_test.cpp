// The tests' own tools: what they would not see, no test would.

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/leftovers.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

Command shell(const std::string& script) {
  Command command;
  command.arguments = {"/bin/sh", "-c", script};
  return command;
}

bool any_contains(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

TEST_CASE("program: gives status, signal and output, and its settings to the program") {
  const Ended ended = run(shell("echo out; echo err >&2; exit 3"));
  CHECK(ended.status == 3);
  CHECK(ended.signal == 0);
  CHECK(ended.out == "out\n");
  CHECK(ended.err == "err\n");

  Command command = shell("cat; echo $WHO; pwd; kill -TERM $$");
  command.environment["WHO"] = "me";
  command.input = "given\n";
  command.working_folder = "/usr";
  const Ended killed = run(command);
  CHECK(killed.signal == SIGTERM);
  CHECK(killed.out == "given\nme\n/usr\n");
}

TEST_CASE("program: one that does not end in time is killed and reported") {
  CHECK_THROWS_WITH(run(shell("echo begun; exec sleep 100"), std::chrono::seconds(1)),
                    Catch::Contains("still running") && Catch::Contains("begun"));
}

TEST_CASE("leftovers: an orphan, a descriptor and a file left behind are named") {
  const Surroundings before = Surroundings::look();
  const TemporaryFolder folder;
  run(shell("setsid sleep 100 & true"));
  wait_until("the orphan sleeps", [] { return !descendants_named(::getpid(), "sleep").empty(); });
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  const std::vector<std::string> found = before.new_in(Surroundings::look());
  CHECK(any_contains(found, "sleep 100"));
  CHECK(any_contains(found, "descriptor " + std::to_string(ends[0])));
  CHECK(any_contains(found, folder.path().string()));

  for (const int fd : ends) ::close(fd);
  for (const int pid : descendants_named(::getpid(), "sleep")) ::kill(pid, SIGKILL);
  wait_until("the orphan is reaped", [] {
    reap_orphans();
    return descendants_named(::getpid(), "sleep").empty();
  });
}

TEST_CASE("leftovers: a memory group is named, one of another test program is not") {
  const std::filesystem::path ours = own_memory_group();
  const std::filesystem::path left = ours / "forkdex-0";
  const Surroundings before = Surroundings::look();
  std::error_code refused;
  if (ours.empty() || !std::filesystem::create_directory(left, refused)) {
    skip("this machine lets nobody make control groups");
    return;
  }
  CHECK(any_contains(before.new_in(Surroundings::look()), left.string()));
  {
    const OwnMemoryGroup apart;
    CHECK(own_memory_group().parent_path() == ours);
    CHECK_FALSE(any_contains(before.new_in(Surroundings::look()), "memory group"));
  }
  CHECK(own_memory_group() == ours);
  CHECK(::rmdir(left.c_str()) == 0);
}

}  // namespace
}  // namespace forkdex::test
