// Waiting for children, signalling them, and what is left of them.

#include "supervisor/process/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include <array>

#include <boost/asio/io_context.hpp>

#include "supervisor/process/readable.h"
#include "tests/unit/supervisor/process/small_programs.h"

namespace forkdex {
namespace {

using namespace test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The pid of a process that `child` has started beside itself, which it writes to `output`.
pid_t companion(const UniqueFd& output) {
  wait_until("the companion's pid is written",
             [&] { return content(output).find('\n') != std::string::npos; });
  return std::stoi(content(output));
}

bool is_alive(pid_t pid) {
  const std::string state = status_of(pid, "State");
  return state.size() == 1 && state != "Z" && state != "X";
}

TEST_CASE("child process: wait gives how the child ended, and reaps it", "[process]") {
  const auto processes = family();
  {
    ChildProcess child = must_spawn(shell("exit 7"));
    const auto ended = child.wait(30s);
    REQUIRE(ended);
    CHECK(describe(*ended) == "exited with status 7");
  }
  ChildProcess child = must_spawn(shell("kill -USR1 $$"));
  const auto ended = child.wait(30s);
  REQUIRE(ended);
  CHECK(std::get<Signaled>(*ended).signal == SIGUSR1);
  CHECK(family() == processes);
}

TEST_CASE("child process: wait gives nothing when the time is up", "[process]") {
  ChildProcess child = must_spawn(sleeper());
  CHECK_FALSE(child.wait(0ms));
  const auto begun = Clock::now();
  CHECK_FALSE(child.wait(50ms));
  CHECK(Clock::now() - begun >= 50ms);
  CHECK(is_alive(child.pid()));
  child.kill();
  CHECK(std::get<Signaled>(child.reap()).signal == SIGKILL);
}

TEST_CASE("wait readable: signals do not shorten it", "[process]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  struct sigaction counted{};  // without SA_RESTART
  static volatile sig_atomic_t alarms = 0;
  counted.sa_handler = [](int) { alarms = alarms + 1; };
  struct sigaction before{};
  ::sigaction(SIGALRM, &counted, &before);
  const itimerval often{{0, 5000}, {0, 5000}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  const auto begun = Clock::now();
  CHECK_FALSE(wait_readable(reading.get(), 100ms));
  CHECK(Clock::now() - begun >= 100ms);
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  const int seen = alarms;
  CHECK(seen > 0);
  writing.reset();
  CHECK(wait_readable(reading.get(), 30s));
}

TEST_CASE("child process: a signal reaches the child, or its whole session", "[process]") {
  const UniqueFd output = memory_file();
  ChildSpec spec = shell("sleep 1000 & echo $!; wait");
  spec.output = output.get();
  SECTION("the child alone") {
    ChildProcess child = must_spawn(spec);
    const pid_t other = companion(output);
    child.send(SIGTERM);
    CHECK(std::get<Signaled>(child.reap()).signal == SIGTERM);
    CHECK(is_alive(other));
    end_orphan(other);
  }
  SECTION("the session") {
    spec.reach = ChildProcess::Reach::kSession;
    spec.arguments = {"-c", "trap '' TERM; (trap - TERM; exec sleep 1000) & echo $!; wait"};
    ChildProcess child = must_spawn(spec);
    const pid_t other = companion(output);
    wait_until("the companion can be ended", [&] { return proc_file(other, "comm") == "sleep\n"; });
    child.send(SIGTERM);
    // The shell, which ignores it, ends because its companion has.
    CHECK(describe(child.reap()).starts_with("exited"));
    CHECK_FALSE(is_alive(other));
  }
}

TEST_CASE("child process: nothing is left of a session whose leader is reaped", "[process]") {
  const UniqueFd output = memory_file();
  ChildSpec spec = shell("sleep 1000 & echo $!; exit 3");
  spec.output = output.get();
  spec.reach = ChildProcess::Reach::kSession;
  ChildProcess child = must_spawn(spec);
  const auto ended = child.wait(30s);
  REQUIRE(ended);
  CHECK(describe(*ended) == "exited with status 3");
  const pid_t other = companion(output);
  wait_until("the companion has ended", [&] { return !is_alive(other); });
}

TEST_CASE("child process: the child ends and is reaped with its object", "[process]") {
  const auto ours = descriptors("self");
  const auto processes = family();
  {
    ChildProcess child = must_spawn(sleeper());
    CHECK(family().contains(child.pid()));
    const ChildProcess taken = std::move(child);
    CHECK(is_alive(taken.pid()));
  }
  CHECK(family() == processes);
  CHECK(descriptors("self") == ours);
}

TEST_CASE("child process: a released child outlives its object", "[process]") {
  const auto ours = descriptors("self");
  pid_t pid = -1;
  {
    ChildProcess child = must_spawn(sleeper());
    child.release();
    const ChildProcess taken = std::move(child);
    pid = taken.pid();
  }
  CHECK(is_alive(pid));
  CHECK(descriptors("self") == ours);
  end_orphan(pid);
}

TEST_CASE("child process: a released child can be killed and waited for", "[process]") {
  const auto processes = family();
  ChildProcess child = must_spawn(sleeper());
  child.release();
  CHECK_FALSE(child.wait(0ms));
  child.kill();
  const auto ended = child.wait(30s);
  REQUIRE(ended);
  CHECK(std::get<Signaled>(*ended).signal == SIGKILL);
  CHECK(family() == processes);
}

TEST_CASE("child process: a context calls the handler once the child has ended", "[process]") {
  const auto ours = descriptors("self");
  {
    boost::asio::io_context context;
    ChildProcess child = must_spawn(sleeper());
    int calls = 0;
    child.when_ended(context, [&] { ++calls; });
    context.run_for(50ms);
    CHECK(calls == 0);
    child.kill();
    context.run_for(30s);
    CHECK(calls == 1);
    CHECK(std::get<Signaled>(child.reap()).signal == SIGKILL);
  }
  CHECK(descriptors("self") == ours);
}

TEST_CASE("child process: a child whose end a context waits for can be reaped before",
          "[process]") {
  const auto processes = family();
  boost::asio::io_context context;
  ChildProcess child = must_spawn(shell("sleep 0.1; exit 5"));
  child.when_ended(context, [] {});
  context.poll();
  CHECK(describe(child.reap()) == "exited with status 5");
  CHECK(family() == processes);
}

TEST_CASE("child process: a child that was forked elsewhere is taken over", "[process]") {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  {
    const auto child = ChildProcess::adopt(pid);
    REQUIRE(child.ok());
    CHECK(child->pid() == pid);
    CHECK(is_alive(pid));
  }
  CHECK_FALSE(family().contains(pid));
}

TEST_CASE("child process: a pid that is nobody's is refused", "[process]") {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  const auto child = ChildProcess::adopt(pid);
  REQUIRE_FALSE(child.ok());
  CHECK(child.error().text() == "a child process cannot be watched (No such process)");
}

}  // namespace
}  // namespace forkdex
