#include "supervisor/fleet/restart_policy.h"

#include <csignal>

#include <catch2/catch.hpp>

#include "supervisor/process/exit_cause.h"

using namespace forkdex;
using namespace std::chrono_literals;

namespace {

const RestartPolicy::Clock::time_point kNoon{12h};
constexpr auto kAtOnce = RestartPolicy::Clock::duration::zero();

}  // namespace

TEST_CASE("restart policy: a kill from elsewhere is replaced at once", "[fleet]") {
  RestartPolicy policy;
  for (int i = 0; i < 1000; ++i) {
    CHECK(policy.worker_died(Death::kElsewhere, kNoon) == kAtOnce);
    policy.job_finished();
  }
}

TEST_CASE("restart policy: faults without progress wait longer each time, then give up",
          "[fleet]") {
  RestartPolicy policy({.faults = 3, .first_delay = 10ms, .longest_delay = 30ms});
  CHECK(policy.worker_died(Death::kFault, kNoon) == 10ms);
  CHECK(policy.worker_died(Death::kFault, kNoon) == 20ms);
  CHECK(policy.worker_died(Death::kFault, kNoon) == 30ms);
  CHECK(policy.worker_died(Death::kFault, kNoon) == std::nullopt);
}

TEST_CASE("restart policy: a finished job starts the counting anew", "[fleet]") {
  RestartPolicy policy({.faults = 1, .first_delay = 10ms});
  CHECK(policy.worker_died(Death::kFault, kNoon) == 10ms);
  policy.job_finished();
  CHECK(policy.worker_died(Death::kFault, kNoon) == 10ms);
  CHECK(policy.worker_died(Death::kFault, kNoon) == std::nullopt);
}

TEST_CASE("restart policy: calm starts the counting anew", "[fleet]") {
  RestartPolicy policy({.faults = 2, .window = 1min, .first_delay = 10ms});
  CHECK(policy.worker_died(Death::kFault, kNoon) == 10ms);
  CHECK(policy.worker_died(Death::kFault, kNoon + 50s) == 20ms);
  // The first one is over a minute ago.
  CHECK(policy.worker_died(Death::kFault, kNoon + 61s) == 20ms);
  CHECK(policy.worker_died(Death::kFault, kNoon + 62s) == std::nullopt);
  CHECK(policy.worker_died(Death::kFault, kNoon + 10min) == 10ms);
}

TEST_CASE("restart policy: kills without any progress end the run as well", "[fleet]") {
  RestartPolicy policy({.elsewhere = 2, .first_delay = 10ms});
  CHECK(policy.worker_died(Death::kElsewhere, kNoon).has_value());
  CHECK(policy.worker_died(Death::kElsewhere, kNoon + 1h).has_value());
  CHECK_FALSE(policy.worker_died(Death::kElsewhere, kNoon + 2h).has_value());
}

TEST_CASE("restart policy: a death that accuses a job is replaced at once and not counted",
          "[fleet]") {
  RestartPolicy policy({.faults = 1});
  for (int i = 0; i < 1000; ++i) CHECK(policy.worker_died(Death::kBlamed, kNoon) == kAtOnce);
  CHECK(policy.worker_died(Death::kFault, kNoon).has_value());
}

TEST_CASE("restart policy: only quarantined jobs, one after the other, end the run", "[fleet]") {
  RestartPolicy policy({.quarantined = 2});
  CHECK(policy.job_quarantined());
  CHECK(policy.job_quarantined());
  policy.job_finished();
  CHECK(policy.job_quarantined());
  CHECK(policy.job_quarantined());
  CHECK_FALSE(policy.job_quarantined());
}

TEST_CASE("exit cause: status 9 and signal 9 are told apart", "[fleet]") {
  siginfo_t ended{};
  ended.si_code = CLD_EXITED;
  ended.si_status = 9;
  CHECK(describe(exit_cause_of(ended)) == "exited with status 9");
  ended.si_code = CLD_KILLED;
  CHECK(describe(exit_cause_of(ended)) == "was killed by signal 9 (Killed)");
  ended.si_code = CLD_DUMPED;
  CHECK(describe(exit_cause_of(ended)) == "was killed by signal 9 (Killed), core dumped");
}

TEST_CASE("exit cause: a kill says who sent it and why", "[fleet]") {
  CHECK(describe(OutOfMemory{"container"}) ==
        "was killed by the kernel: the memory of the container ran out");
  CHECK(describe(TimedOut{"parse", 60s}) == "was ended: nothing had moved in parse for 60 s");
  CHECK(describe(KilledByUs{"interrupted twice"}) == "was ended: interrupted twice");
}
