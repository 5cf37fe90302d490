#pragma once

// Transactions that others made fail: a deadlock, a serialization failure, a cancelled statement.

#include <string>

#include "common/pg/connection.h"

namespace forkdex {

/// The most times that one transaction is run.
inline constexpr int kMostTries = 5;

/// After a failed transaction: rolls back what is open and says whether to run it again, having
/// waited for a random time that grows with `tries`, those made so far. What the connection's
/// patience has cancelled is not run again. BLOCKS up to 0.4 s.
bool try_again(PgConnection& connection, int tries);

/// Runs `operation`, which gives a Result, until it succeeds or fails for good (try_again).
template <class F>
auto retried(PgConnection& connection, F operation) {
  for (int tries = 1;; ++tries) {
    auto result = operation();
    if (result || !try_again(connection, tries)) return result;
  }
}

/// Lets the server notice within a minute that we are gone without a word, so that our locks end;
/// and takes back the limits on the time of statements and transactions that a role or database may
/// have been given for other clients: ours end by deadlines of their own. ERRORS as
/// PgConnection::run.
Result<void> lift_time_limits(PgConnection& connection);

}  // namespace forkdex
