#pragma once

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Sees to it that pgvector 0.8 or later is there, creating it where it is missing and the role
/// may, and that the role may use it and our schema, or create the latter. Has the session's
/// statements find pgvector. REQUIRES the migration lock. ERRORS kDatabaseUnusable, with all the
/// statements that an administrator must run, so that nothing is missing after them; else as
/// PgConnection::run.
Result<void> meet_prerequisites(PgConnection& connection);

}  // namespace forkdex
