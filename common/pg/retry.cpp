#include "common/pg/retry.h"

#include <chrono>
#include <random>
#include <thread>

#include "common/pg/sqlstate.h"

namespace forkdex {
namespace {

constexpr std::chrono::milliseconds kFirstPause{20};

/// Random, so that two who met do not meet again.
void pause(int tries) {
  static thread_local std::minstd_rand random(std::random_device{}());
  const auto longest = kFirstPause.count() << std::min(tries, kMostTries);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(std::uniform_int_distribution<long>(1, longest)(random)));
}

}  // namespace

bool try_again(PgConnection& connection, int tries) {
  const bool passing = sqlstate_rule(connection.sqlstate()).passing;  // before the next statement's
  if (!connection.alive()) return false;
  [[maybe_unused]] const auto undone = connection.run("ROLLBACK");
  if (!passing || tries >= kMostTries || !connection.wait_limits().allows_waiting()) return false;
  pause(tries);
  return true;
}

}  // namespace forkdex
