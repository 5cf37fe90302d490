#pragma once

#include <optional>
#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/server/postgres_server.h"

namespace forkdex {

/// The database a command works on: the one the user named, or the embedded one, which runs as
/// long as this object lives (and longer where others use it).
class DatabaseAccess {
 public:
  /// `url` empty means the embedded database. Reaches the server and brings the schema to this
  /// program's version. BLOCKS no longer than `limits` allow, which hold for the connection's
  /// later statements too. ERRORS kDatabaseUnreachable, kDatabaseUnusable, kTooManyConnections,
  /// kDiskFull.
  static Result<DatabaseAccess> open(const std::string& url, const std::string& application_name,
                                     const WaitLimits& limits = {});

  /// The connection made by open(), or the one adopted since.
  PgConnection& connection() { return *connection_; }

  /// A new connection to the same database, and what it was made with.
  struct Reached {
    PgConnection connection;
    std::string conninfo;
  };
  /// Connects anew, starting the embedded server again if it has gone; connection() stays as it is.
  /// For another thread, while nobody else calls this object but for connection(). BLOCKS as
  /// PostgresServer::ensure_running and PgConnection::open. ERRORS as theirs.
  Result<Reached> reach(const WaitLimits& limits);
  /// Makes `reached` the connection, with the wait limits of the one before it: connection() keeps
  /// its address.
  void adopt(Reached reached);

  /// What a worker connects with; may hold a password.
  std::string worker_conninfo() const;
  /// The database for a person, without a password.
  std::string description() const;

 private:
  DatabaseAccess() = default;

  // In this order: the connection closes before the server is let go.
  std::optional<PostgresServer> server_;
  std::optional<PgConnection> connection_;
  std::string conninfo_;
  std::string application_name_;
};

}  // namespace forkdex
