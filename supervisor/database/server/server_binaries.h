#pragma once

#include <filesystem>
#include <optional>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"
#include "supervisor/installation/data_folder.h"

namespace forkdex {

/// Finds PostgreSQL's installation (the folder that holds bin/postgres) as `user` can run it:
/// installed beside our own binary, else a copy of that, made once where `user` may go (the data
/// folder, or /var/lib/forkdex). REQUIRES that the caller holds the lock under which servers start.
/// ERRORS kDatabaseUnusable, kDiskFull. CRASH leaves at most a half copy, replaced by the next.
Result<std::filesystem::path> find_server_binaries(const DataFolder& data, const ServerUser& user);

/// The fresh cluster that deploy/setup or a package has installed, if it has.
std::optional<std::filesystem::path> installed_cluster();

}  // namespace forkdex
