#pragma once

// Transactions that others made fail: a deadlock, a serialization failure, a cancelled statement.

#include <string>

#include "common/pg/connection.h"

namespace forkdex {

/// The most times that one transaction is run.
inline constexpr int kMostTries = 5;

/// After a failed transaction: rolls back what is open and says whether to run it again, having
/// waited for a random time that grows with `tries`, those made so far. What the connection's
/// wait limits have cancelled is not run again. BLOCKS up to 0.4 s.
bool try_again(PgConnection& connection, int tries);

/// Runs `operation`, which gives a Result, until it succeeds or fails for good (try_again).
template <class F>
auto retried(PgConnection& connection, F operation) {
  for (int tries = 1;; ++tries) {
    auto result = operation();
    if (result || !try_again(connection, tries)) return result;
  }
}

}  // namespace forkdex
