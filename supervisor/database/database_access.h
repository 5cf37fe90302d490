#pragma once

#include <optional>
#include <string>

#include "common/pg_connection.h"
#include "common/result.h"
#include "supervisor/database/postgres_server.h"

namespace forkdex {

/// The database a command works on: the one the user named, or the embedded one, which runs as
/// long as this object lives (and longer where others use it).
class DatabaseAccess {
 public:
  /// `url` empty means the embedded database. Reaches the server and brings the schema to this
  /// program's version. ERRORS kDatabaseUnreachable, kDatabaseUnusable, kTooManyConnections,
  /// kDiskFull.
  static Result<DatabaseAccess> open(const std::string& url, const std::string& application_name);

  /// The first connection, made by open().
  PgConnection& connection() { return *connection_; }
  /// What a worker connects with; may hold a password.
  const std::string& conninfo() const { return conninfo_; }
  /// The database for a person, without a password.
  std::string description() const;

 private:
  DatabaseAccess() = default;

  // In this order: the connection closes before the server is let go.
  std::optional<PostgresServer> server_;
  std::optional<PgConnection> connection_;
  std::string conninfo_;
};

}  // namespace forkdex
