#pragma once

// A fresh cluster that the installation carries: copying it takes a fraction of initdb's time.

#include <filesystem>
#include <string>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"

namespace forkdex {

/// Copies the installed cluster of PostgreSQL `version` into the empty folder `target`. The copies
/// belong to `user`; `target` keeps its owner, and the copies may not be on the disk yet. Returns
/// false, with `target` empty, where no such cluster is installed or it cannot be read. ERRORS
/// kDiskFull, kDatabaseUnusable.
Result<bool> copy_cluster_template(const std::filesystem::path& target, const std::string& version,
                                   const ServerUser& user);

}  // namespace forkdex
