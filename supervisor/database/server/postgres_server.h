#pragma once

// The embedded PostgreSQL: one server a data folder, shared by every forkdex command that uses the
// folder. A user holds a shared lock; the last one out stops the server unless `database start`
// pinned it. The server's own processes hold a lock of theirs (a descriptor they inherit), so that
// whether any is left alive is known for certain, across pid namespaces and kill -9.
//
// Killed in the middle, we leave a living server: the next command adopts it, and stops it when it
// is the last. The server is crash-safe and depends on none of our processes.

#include <optional>
#include <string>

#include "common/error/result.h"
#include "common/pg/wait_limits.h"
#include "supervisor/database/server/cluster.h"
#include "supervisor/installation/data_folder.h"
#include "supervisor/installation/file_lock.h"

namespace forkdex {

class PostgresServer {
 public:
  /// Starts the server of `data`, or joins one that runs, creating the cluster and the database
  /// where they are missing. BLOCKS until it answers: about a second the first time, 0.1 s later,
  /// as long as recovery takes after a crash, no longer than `limits` allow. ERRORS
  /// kDatabaseUnusable, kDiskFull, kTooManyConnections; the context ends with the end of the
  /// server's log.
  static Result<PostgresServer> open(const DataFolder& data, const WaitLimits& limits = {});

  PostgresServer(PostgresServer&&) = default;
  PostgresServer& operator=(PostgresServer&&) = delete;
  /// Stops the server if nobody else uses it and it is not pinned. BLOCKS until it has stopped.
  ~PostgresServer();

  /// Sees to it that the server answers, starting it again if it has gone. Users who do so at once
  /// take turns. BLOCKS as open(). ERRORS as open().
  Result<void> ensure_running(const WaitLimits& limits = {});

  /// A postgresql:// URL without a secret: the socket's folder and peer authentication admit us.
  std::string conninfo() const;
  /// The same for a worker, whose role writes rows and nothing else.
  std::string worker_conninfo() const;

  /// Starts the server and keeps it running beyond its last user. Returns its URL. ERRORS as
  /// open().
  static Result<std::string> pin(const DataFolder& data);

  enum class Unpinned { kStopped, kNotRunning, kStillInUse };
  /// Ends the pin and stops the server, unless somebody uses it: then its last user will.
  static Result<Unpinned> unpin(const DataFolder& data);

  /// The running server's URL. ERRORS kDatabaseUnreachable when none runs.
  static Result<std::string> running_url(const DataFolder& data);

 private:
  PostgresServer(DataFolder data, ClusterPaths paths, FileLock users)
      : data_(std::move(data)), paths_(std::move(paths)), users_(std::move(users)) {}

  DataFolder data_;
  ClusterPaths paths_;
  FileLock users_;
  std::string url_;
};

}  // namespace forkdex
