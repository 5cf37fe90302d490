// What a child finds when it begins, and what is said and left when it cannot.

#include "supervisor/process/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/support/temporary_folder.h"
#include "tests/unit/supervisor/process/small_programs.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using namespace test;

/// Nobody has a descriptor of this number.
constexpr int kNotOpen = 900;

UniqueFd open_file(const fs::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(file.valid());
  return file;
}

TEST_CASE("spawn: the child has the environment of its spec and nothing of ours", "[process]") {
  ChildSpec spec;
  spec.program = "/usr/bin/env";
  spec.environment = {"A=1", "B=two words"};
  const Ran ran = run(spec);
  CHECK(ran.ended == "exited with status 0");
  CHECK(ran.output == "A=1\nB=two words\n");
}

TEST_CASE("spawn: the child gets its arguments as they are", "[process]") {
  ChildSpec spec = shell("printf '%s|' \"$0\" \"$@\"");
  spec.arguments.insert(spec.arguments.end(), {"", "a b", "$HOME", "*"});
  CHECK(run(spec).output == "|a b|$HOME|*|");
}

TEST_CASE("our environment: leaves out the names withheld and ends with what is given",
          "[process]") {
  for (const char* name : {"SPAWN_TEST_SECRET", "SPAWN_TEST_SECRETARY", "SPAWN_TEST_BOTH"})
    ::setenv(name, "ours", 1);
  constexpr std::array<std::string_view, 2> kWithheld = {"SPAWN_TEST_SECRET", "SPAWN_TEST_UNSET"};
  constexpr std::array<std::string_view, 2> kGiven = {"SPAWN_TEST_BOTH=given", "SPAWN_TEST_NEW=1"};
  const std::vector<std::string> made = our_environment(kWithheld, kGiven);
  for (const char* name : {"SPAWN_TEST_SECRET", "SPAWN_TEST_SECRETARY", "SPAWN_TEST_BOTH"})
    ::unsetenv(name);
  const auto place = [&](const char* entry) {
    return std::find(made.begin(), made.end(), entry) - made.begin();
  };
  const auto size = static_cast<std::ptrdiff_t>(made.size());
  CHECK(place("SPAWN_TEST_SECRET=ours") == size);
  CHECK(place("SPAWN_TEST_SECRETARY=ours") < size);
  CHECK(place("SPAWN_TEST_BOTH=ours") < place("SPAWN_TEST_BOTH=given"));
  CHECK(place("SPAWN_TEST_BOTH=given") == size - 2);
  CHECK(place("SPAWN_TEST_NEW=1") == size - 1);
}

TEST_CASE("spawn: the child has the descriptors of its spec and no other", "[process]") {
  const TemporaryFolder folder;
  const std::string base = fs::canonical(folder.path()).string();
  const UniqueFd output = open_file(base + "/output");
  const UniqueFd errors = open_file(base + "/errors");
  const UniqueFd moved = open_file(base + "/moved");
  const UniqueFd kept = open_file(base + "/kept");
  // One that would stay open by itself.
  const UniqueFd stays(::open(base.c_str(), O_RDONLY));  // NOLINT(android-cloexec-open)
  ChildSpec spec = sleeper();
  std::map<int, std::string> expected = {{0, "/dev/null"}, {1, "/dev/null"}, {2, "/dev/null"}};
  SECTION("none: all three standard ones are /dev/null") {}
  SECTION("standard output and error, moved and at their own numbers") {
    spec.output = output.get();
    spec.errors = errors.get();
    spec.kept = {{moved.get(), 3}, {kept.get(), kept.get()}, {moved.get(), 40}};
    expected[1] = base + "/output";
    expected[2] = base + "/errors";
    expected[3] = base + "/moved";
    expected[40] = base + "/moved";
    expected[kept.get()] = base + "/kept";
  }
  SECTION("two that change their numbers with each other") {
    spec.kept = {{moved.get(), kept.get()}, {kept.get(), moved.get()}};
    expected[kept.get()] = base + "/moved";
    expected[moved.get()] = base + "/kept";
  }
  const auto ours = descriptors("self");
  {
    const ChildProcess child = must_spawn(spec);
    const std::string pid = std::to_string(child.pid());
    // The program opens its libraries first.
    wait_until(
        "the child has the descriptors expected", [&] { return descriptors(pid) == expected; },
        [&] { return Catch::Detail::stringify(descriptors(pid)); });
  }
  CHECK(descriptors("self") == ours);
}

TEST_CASE("spawn: the child leads a session, in the folder and with the mask of its spec",
          "[process]") {
  const TemporaryFolder folder;
  ChildSpec spec = sleeper();
  SECTION("a folder and a mask") {
    spec.working_folder = folder.path();
    spec.umask = 0135;
    const ChildProcess child = must_spawn(spec);
    CHECK(::getsid(child.pid()) == child.pid());
    CHECK(fs::read_symlink("/proc/" + std::to_string(child.pid()) + "/cwd") ==
          fs::canonical(folder.path()));
    CHECK(status_of(child.pid(), "Umask") == "0135");
  }
  SECTION("none: ours") {
    const ChildProcess child = must_spawn(spec);
    CHECK(::getsid(child.pid()) == child.pid());
    CHECK(fs::read_symlink("/proc/" + std::to_string(child.pid()) + "/cwd") == fs::current_path());
    CHECK(status_of(child.pid(), "Umask") == status_of(::getpid(), "Umask"));
  }
}

TEST_CASE("spawn: the child is under its limits", "[process]") {
  ChildSpec spec = shell("ulimit -d; cat /proc/self/oom_score_adj");
  spec.limits.data_bytes = 512 << 20;
  spec.limits.first_to_go = true;
  CHECK(run(spec).output == "524288\n500\n");
}

/// Sets how this process takes three signals, and takes it back.
class OddSignals {
 public:
  OddSignals() {
    ::sigprocmask(SIG_SETMASK, nullptr, &mask_);
    sigset_t blocked = mask_;
    sigaddset(&blocked, SIGUSR2);
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    pipe_ = ::signal(SIGPIPE, SIG_IGN);
    usr1_ = ::signal(SIGUSR1, [](int) {});
  }
  OddSignals(const OddSignals&) = delete;
  OddSignals& operator=(const OddSignals&) = delete;
  ~OddSignals() {
    ::signal(SIGPIPE, pipe_);
    ::signal(SIGUSR1, usr1_);
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  sigset_t mask_;
  void (*pipe_)(int);
  void (*usr1_)(int);
};

bool in_mask(pid_t pid, const std::string& name, int signal) {
  return ((std::stoull(status_of(pid, name), nullptr, 16) >> (signal - 1)) & 1) != 0;
}

TEST_CASE("spawn: the child ignores and blocks what we do but for its default signals",
          "[process]") {
  const OddSignals odd;
  ChildSpec spec = sleeper();
  const bool reset = GENERATE(false, true);
  if (reset) spec.default_signals = {SIGPIPE, SIGUSR2};
  const std::string blocked = status_of(::getpid(), "SigBlk");
  const ChildProcess child = must_spawn(spec);
  CHECK(in_mask(child.pid(), "SigIgn", SIGPIPE) == !reset);
  CHECK(in_mask(child.pid(), "SigBlk", SIGUSR2) == !reset);
  CHECK_FALSE(in_mask(child.pid(), "SigIgn", SIGUSR1));
  CHECK_FALSE(in_mask(child.pid(), "SigBlk", SIGINT));
  CHECK(status_of(child.pid(), "SigCgt") == std::string(16, '0'));
  CHECK(status_of(::getpid(), "SigBlk") == blocked);
  CHECK(in_mask(::getpid(), "SigCgt", SIGUSR1));
}

/// Starts the child from a process that ends right after. Returns the child's pid.
pid_t orphaned(const ChildSpec& spec) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto child = spawn(spec);
    const pid_t pid = child ? child->pid() : -1;
    [[maybe_unused]] const ssize_t written = ::write(writing.get(), &pid, sizeof pid);
    ::_exit(0);
  }
  writing.reset();
  pid_t pid = -1;
  CHECK(::read(reading.get(), &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid));
  ::waitpid(parent, nullptr, 0);
  REQUIRE(pid > 0);
  return pid;
}

TEST_CASE("spawn: the child gets its death signal when its parent dies", "[process]") {
  ChildSpec spec = sleeper();
  spec.death_signal = SIGTERM;
  SECTION("as our user") {}
  SECTION("as another, though the kernel clears it at the change") {
    if (::geteuid() != 0) {
      WARN("only root can become another user");
      return;
    }
    spec.user = ChildUser{65534, 65534, {}};
  }
  const pid_t pid = orphaned(spec);
  int status = 0;
  CHECK(::waitpid(pid, &status, 0) == pid);  // ours since its parent died
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("spawn: a child without a death signal outlives its parent", "[process]") {
  const pid_t pid = orphaned(sleeper());
  CHECK(status_of(pid, "PPid") == std::to_string(::getpid()));
  wait_until("the child sleeps", [&] { return status_of(pid, "State") == "S"; });
  end_orphan(pid);
}

TEST_CASE("spawn: the child becomes its user in a folder that only we may enter", "[process]") {
  if (::geteuid() != 0) {
    WARN("only root can become another user");
    return;
  }
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
  ChildSpec spec = shell("id -u; id -g; id -G; cat file");
  folder.write("file", "closed");
  spec.working_folder = folder.path();
  spec.user = ChildUser{65534, 65533, {65533, 65532}};
  CHECK(run(spec).output == "65534\n65533\n65533 65532\n");
}

TEST_CASE("spawn: an error names the step that failed, and leaves no child and no descriptor",
          "[process]") {
  ChildSpec spec = sleeper();
  std::string step;
  SECTION("a program that does not exist") {
    spec.program = "/nonexistent/program";
    step = "starting the program failed (No such file or directory)";
  }
  SECTION("a program that is a folder") {
    spec.program = "/";
    step = "starting the program failed (Permission denied)";
  }
  SECTION("standard output that is not open") {
    spec.output = kNotOpen;
    step = "redirecting output failed (Bad file descriptor)";
  }
  SECTION("standard error that is not open") {
    spec.errors = kNotOpen;
    step = "redirecting output failed (Bad file descriptor)";
  }
  SECTION("a kept descriptor that is not open") {
    spec.kept = {{kNotOpen, kNotOpen}};
    step = "keeping descriptors failed (Bad file descriptor)";
  }
  SECTION("a moved descriptor that is not open") {
    spec.kept = {{kNotOpen, 3}};
    step = "keeping descriptors failed (Bad file descriptor)";
  }
  SECTION("a folder that does not exist") {
    spec.working_folder = "/nonexistent/folder";
    step = "entering its folder failed (No such file or directory)";
  }
  SECTION("a user with more groups than there can be") {
    spec.user = ChildUser{::getuid(), ::getgid(), std::vector<gid_t>(70'000)};
    step = ::geteuid() == 0 ? "becoming its user failed (Invalid argument)"
                            : "becoming its user failed (Operation not permitted)";
  }
  SECTION("a death signal that does not exist") {
    spec.death_signal = 1000;
    step = "asking for a death signal failed (Invalid argument)";
  }
  const auto ours = descriptors("self");
  const auto processes = family();
  const std::string blocked = status_of(::getpid(), "SigBlk");
  const auto child = spawn(spec);
  REQUIRE_FALSE(child.ok());
  CHECK(child.error().code == ErrorCode::kBug);
  CHECK(child.error().text() == step);
  CHECK(descriptors("self") == ours);
  CHECK(family() == processes);
  CHECK(status_of(::getpid(), "SigBlk") == blocked);
}

TEST_CASE("spawn: a failed start does not write what we have buffered", "[process]") {
  const UniqueFd file = memory_file();
  FILE* buffered = ::fdopen(::dup(file.get()), "w");  // NOLINT(android-cloexec-dup)
  REQUIRE(buffered);
  std::fputs("once\n", buffered);
  ChildSpec spec;
  spec.program = "/nonexistent/program";
  CHECK_FALSE(spawn(spec).ok());
  CHECK(content(file) == "");
  std::fclose(buffered);
  CHECK(content(file) == "once\n");
}

}  // namespace
}  // namespace forkdex
