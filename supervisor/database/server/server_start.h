#pragma once

// Starting and stopping the postmaster over a prepared cluster. REQUIRES, everywhere, that the
// caller holds the start lock.

#include <string>

#include "common/error/result.h"
#include "common/pg/wait_limits.h"
#include "supervisor/database/server/cluster.h"
#include "supervisor/installation/data_folder.h"

namespace forkdex {

/// The URL of the server whose socket stands in `socket_folder`, for `role`.
std::string server_url(const std::filesystem::path& socket_folder,
                       const std::string& database = "forkdex",
                       const std::string& role = "forkdex");

/// What forkdex itself connects with to the server at `url`. libpq would look into the user's
/// password file for every connection, and complain of one that others may read; peer
/// authentication asks for no password.
std::string without_password_file(const std::string& url);

/// The URL that the last start recorded, for `role`; empty when none did.
std::string recorded_url(const ClusterPaths& paths, const std::string& role = "forkdex");

/// Sees to it that a server answers, starting one unless one runs, and that it has our database.
/// Returns its URL. BLOCKS as PostgresServer::open, no longer than `limits`
/// allow. ERRORS as there.
Result<std::string> ensure_server(const DataFolder& data, const ClusterPaths& paths,
                                  const WaitLimits& limits = {});

/// Whether a server's socket accepts connections now.
bool server_listens(const ClusterPaths& paths);

/// Stops the server by a fast shutdown and removes its socket's folder. ERRORS kDatabaseUnusable
/// when it has not ended after a minute.
Result<void> stop_server(const ClusterPaths& paths);

}  // namespace forkdex
