#pragma once

// What workers are to the embedded database: a role that writes rows and nothing else. Its owner is
// a superuser, who may have the server read, write and run what a worker's sandbox denies it.

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

inline constexpr char kWorkerRole[] = "forkdex_worker";

/// Makes the role where it is missing and lets it read and write what workers do. REQUIRES the
/// schema, and a connection as its owner. ERRORS as PgConnection::run.
Result<void> prepare_worker_role(PgConnection& connection);

}  // namespace forkdex
