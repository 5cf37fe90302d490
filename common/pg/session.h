#pragma once

// What a session of ours is like, whatever the role, the database or the server has set for others.

#include "common/pg/connection.h"

namespace forkdex {

/// Makes the session one of ours. Its statements find pgvector in whatever schema it stands, and no
/// object of another's under a name of PostgreSQL's. Values have the formats that we read and
/// write. It may write. The server notices within a minute that we are gone without a word, so that
/// our locks end; and time limits for statements and transactions, meant for other clients, do not
/// apply: ours end by deadlines of their own. ERRORS as PgConnection::run.
Result<void> prepare_session(PgConnection& connection);

/// Has the session's statements find pgvector where it is now. ERRORS as PgConnection::run.
Result<void> search_pgvector(PgConnection& connection);

}  // namespace forkdex
