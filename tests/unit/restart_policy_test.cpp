#include "supervisor/fleet/restart_policy.h"

#include <csignal>

#include <catch2/catch.hpp>

using namespace forkdex;
using namespace std::chrono_literals;

TEST_CASE("restart policy: a kill from elsewhere is replaced at once", "[fleet]") {
  RestartPolicy policy;
  for (int i = 0; i < 1000; ++i) {
    CHECK(policy.worker_died(Signaled{SIGKILL, false}) == RestartPolicy::Clock::duration::zero());
    policy.file_finished();
  }
}

TEST_CASE("restart policy: faults without progress wait longer each time, then give up",
          "[fleet]") {
  RestartPolicy policy({.faults = 3, .first_delay = 10ms, .longest_delay = 30ms});
  CHECK(policy.worker_died(Signaled{SIGSEGV, true}) == 10ms);
  CHECK(policy.worker_died(Exited{70}) == 20ms);
  CHECK(policy.worker_died(Exited{75}) == 30ms);
  CHECK(policy.worker_died(Exited{75}) == std::nullopt);
}

TEST_CASE("restart policy: a finished file starts the counting anew", "[fleet]") {
  RestartPolicy policy({.faults = 1, .first_delay = 10ms});
  CHECK(policy.worker_died(Exited{70}) == 10ms);
  policy.file_finished();
  CHECK(policy.worker_died(Exited{70}) == 10ms);
  CHECK(policy.worker_died(Exited{70}) == std::nullopt);
}

TEST_CASE("restart policy: kills without any progress end the run as well", "[fleet]") {
  RestartPolicy policy({.kills = 2, .first_delay = 10ms});
  CHECK(policy.worker_died(Signaled{SIGKILL, false}).has_value());
  CHECK(policy.worker_died(Signaled{SIGKILL, false}).has_value());
  CHECK_FALSE(policy.worker_died(Signaled{SIGKILL, false}).has_value());
}

TEST_CASE("exit cause: status 9 and signal 9 are told apart", "[fleet]") {
  CHECK(describe(exit_cause_of(9 << 8)) == "exited with status 9");
  CHECK(describe(exit_cause_of(9)) == "was killed by signal 9 (Killed)");
}
