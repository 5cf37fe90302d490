#include "supervisor/fleet/blame.h"

#include <csignal>

#include <catch2/catch.hpp>

using namespace forkdex;

namespace {

using Ids = std::vector<std::uint64_t>;

JobSender::Held held(std::uint64_t id, SlotState state, Stage stage) {
  return {id, state, stage, {}, {}};
}

// Two files are embedded together, one is parsed and waits for them, one was not taken yet.
const std::vector<JobSender::Held> kHeld = {
    held(1, SlotState::kTaken, Stage::kEmbed), held(2, SlotState::kTaken, Stage::kWaiting),
    held(3, SlotState::kTaken, Stage::kEmbed), held(4, SlotState::kReady, Stage::kWaiting)};

Blame blame(const ExitCause& cause, const std::optional<Error>& failure = std::nullopt) {
  return assign_blame(cause, failure, kHeld, "");
}

}  // namespace

TEST_CASE("blame: a fault signal accuses what was active, and nothing else", "[fleet]") {
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP}) {
    const Blame found = blame(Signaled{signal, false});
    CHECK(found.fault == Fault::kCrashed);
    CHECK(found.suspects == Ids{1, 3});
    CHECK(found.accuses(3));
    CHECK_FALSE(found.accuses(2));
  }
}

TEST_CASE("blame: a signal from elsewhere accuses nobody", "[fleet]") {
  for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
    const Blame found = blame(Signaled{signal, false});
    CHECK_FALSE(found.fault);
    CHECK(found.suspects.empty());
  }
}

TEST_CASE("blame: memory and time accuse by their own names", "[fleet]") {
  CHECK(blame(OutOfMemory{"worker"}).fault == Fault::kOutOfMemory);
  CHECK(blame(TimedOut{"embed", std::chrono::seconds(60)}).fault == Fault::kTimedOut);
  CHECK(blame(TimedOut{"embed", std::chrono::seconds(60)}).suspects == Ids{1, 3});
  CHECK(name(Fault::kOutOfMemory) == "out_of_memory");
  CHECK(name(Fault::kTimedOut) == "timed_out");
  CHECK(name(Fault::kCrashed) == "crashed");
}

TEST_CASE("blame: what a worker says of its end decides", "[fleet]") {
  const auto after = [](ErrorCode code) { return blame(Exited{1}, Error{code, "so it was", ""}); };
  CHECK(after(ErrorCode::kOutOfMemory).fault == Fault::kOutOfMemory);
  CHECK(after(ErrorCode::kModelRuntime).fault == Fault::kCrashed);
  CHECK(after(ErrorCode::kRingBroken).fault == Fault::kCrashed);
  CHECK_FALSE(after(ErrorCode::kDatabaseLost).fault);
  CHECK_FALSE(after(ErrorCode::kTooManyConnections).fault);
  CHECK_FALSE(after(ErrorCode::kDiskFull).fault);
}

TEST_CASE("blame: an end nobody announced is the worker's own", "[fleet]") {
  CHECK(blame(Exited{0}).fault == Fault::kCrashed);
  CHECK(blame(Exited{3}).suspects == Ids{1, 3});
}

TEST_CASE("blame: what we end accuses only where its doing made us", "[fleet]") {
  CHECK(blame(KilledByUs{"it lies", true}).fault == Fault::kCrashed);
  CHECK_FALSE(blame(KilledByUs{"interrupted twice"}).fault);
}

TEST_CASE("blame: the cause names signal, stage, failure and stderr tail", "[fleet]") {
  const Blame found =
      assign_blame(Signaled{SIGABRT, false}, Error{ErrorCode::kOutOfMemory, "no memory", ""}, kHeld,
                   "first line\nterminate called without an active exception\n");
  CHECK(found.cause ==
        "the worker was killed by signal 6 (Aborted): no memory; its stderr tail: terminate called "
        "without an active exception (in embed)");
}
