#pragma once

// A fresh cluster that the installation carries: copying it takes a fraction of initdb's time.

#include <filesystem>
#include <string>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"

namespace forkdex {

/// Copies the installed cluster of PostgreSQL `version` into the empty folder `target`, to belong
/// to `user`, who gets the folder last; the caller sees to it that the bytes are on the disk. False
/// where none is installed or it cannot be read; then `target` is empty. ERRORS kDiskFull,
/// kDatabaseUnusable.
Result<bool> copy_cluster_template(const std::filesystem::path& target, const std::string& version,
                                   const ServerUser& user);

}  // namespace forkdex
