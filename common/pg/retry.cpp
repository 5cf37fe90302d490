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
  if (!passing || tries >= kMostTries || !connection.patience().lasts()) return false;
  pause(tries);
  return true;
}

Result<void> lift_time_limits(PgConnection& connection) {
  // First of all the one that could end what comes next.
  if (const auto first = connection.run("SET statement_timeout = 0"); !first) return first.error();
  // By name, because older servers lack some.
  const auto lifted = connection.run(
      "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('transaction_timeout', "
      "'idle_session_timeout', 'idle_in_transaction_session_timeout')");
  if (!lifted) return lifted.error();
  const auto watched = connection.run(
      "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
      "SET tcp_keepalives_count = 3");
  return watched ? Result<void>() : watched.error();
}

}  // namespace forkdex
