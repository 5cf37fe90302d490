#pragma once

// The embedded database's files: one PostgreSQL cluster in the data folder, made by initdb.

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"
#include "supervisor/installation/data_folder.h"

namespace forkdex {

/// Where the parts of the embedded database stand.
struct ClusterPaths {
  std::filesystem::path cluster;        ///< PGDATA
  std::filesystem::path log;            ///< what initdb and the server said
  std::filesystem::path start_lock;     ///< held while a server is started or stopped
  std::filesystem::path users_lock;     ///< held, shared, by everyone who uses the server
  std::filesystem::path server_lock;    ///< held by the server's processes for their life
  std::filesystem::path pinned;         ///< exists: the server outlives its last user
  std::filesystem::path socket_record;  ///< names the folder of the server's socket

  explicit ClusterPaths(const DataFolder& data);
};

/// How -D names the cluster for `user`. A folder above the cluster may be closed to the user, as
/// root's are; the process enters the cluster before it changes users, and this names it from
/// inside.
std::string cluster_argument(const std::filesystem::path& cluster, const ServerUser& user);

/// Makes the cluster where there is none, with `server`'s initdb. REQUIRES the start lock.
/// ERRORS kDatabaseUnusable (another version's cluster, initdb's own words), kDiskFull.
/// CRASH leaves a folder under another name, which the next call removes.
Result<void> prepare_cluster(const ClusterPaths& paths, const std::filesystem::path& server,
                             const ServerUser& user);

/// The end of what initdb or the server logged, for an error.
struct ServerLogTail {
  std::string text;  ///< the last few lines, in one
  bool disk_full = false;
};
ServerLogTail server_log_tail(const std::filesystem::path& log, std::uintmax_t offset);

}  // namespace forkdex
