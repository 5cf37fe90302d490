#pragma once

// One embedded PostgreSQL for all cases of this program, started by the first that asks and stopped
// after the last, in the run's own data folder.

#include <string>

#include "common/pg/connection.h"
#include "supervisor/installation/data_folder.h"

namespace forkdex::test {

/// A database of this case's own, named for it, emptied when it exists, with the schema unless
/// `bare`. Returns its URL. Throws when the server cannot be had.
std::string fresh_database(const std::string& name, bool bare = false);

/// A connection to `conninfo`. Throws on an error.
PgConnection connect(const std::string& conninfo);

/// Runs `sql`. Throws on an error, with its text.
PgRows must_run(PgConnection& connection, const std::string& sql);

}  // namespace forkdex::test
