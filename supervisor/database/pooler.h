#pragma once

#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Refuses a pooler between us and the server that gives a connection another session for each
/// transaction: locks and settings of a session would stay with sessions of other clients. Takes no
/// lock and sets nothing. REQUIRES that `connection`, made with `conninfo`, has no transaction
/// open. BLOCKS for one statement where there is no pooler, else for a few, and up to four seconds
/// where the pooler has no session left. ERRORS kDatabaseUnusable; as PgConnection::run.
Result<void> refuse_shared_sessions(PgConnection& connection, const std::string& conninfo);

}  // namespace forkdex
