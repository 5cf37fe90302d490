#pragma once

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Checks the server (PostgreSQL 15 or later, UTF-8, pgvector 0.8 or later) and brings the schema
/// `forkdex` to this program's version, one transaction a step. Two programs at once take turns.
/// ERRORS kDatabaseUnusable, with the statement an administrator must run where one would help;
/// else as PgConnection::run. CRASH leaves the schema at some step; the next call goes on.
Result<void> prepare_schema(PgConnection& connection);

}  // namespace forkdex
