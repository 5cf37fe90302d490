#include "supervisor/database/schema.h"

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"
#include "supervisor/database/migrations.h"

namespace forkdex {
namespace {

constexpr int kOldestServer = 150000;    // server_version_num
constexpr int kOldestPgvectorMinor = 8;  // of 0.x

Error unusable(std::string sentence) {
  return {ErrorCode::kDatabaseUnusable, std::move(sentence), ""};
}

Result<void> check_server(PgConnection& connection) {
  const auto rows = connection.run(
      "SELECT current_setting('server_version_num')::int, current_setting('server_version'), "
      "current_setting('server_encoding')");
  if (!rows) return rows.error();
  if (rows->integer(0, 0) < kOldestServer)
    return unusable(
        fmt::format("the server is PostgreSQL {}: forkdex needs 15 or later", rows->text(0, 1)));
  if (rows->text(0, 2) != "UTF8")
    return unusable(fmt::format(
        "the database's encoding is {}: forkdex needs UTF8 (CREATE DATABASE … ENCODING 'UTF8')",
        rows->text(0, 2)));
  return {};
}

/// Whether `version` ("0.8.5") is one whose halfvec and iterative scans we can use.
bool recent_enough(std::string_view version) {
  if (!version.starts_with("0.")) return true;
  int minor = 0;
  std::from_chars(version.data() + 2, version.data() + version.size(), minor);
  return minor >= kOldestPgvectorMinor;
}

Result<void> create_pgvector(PgConnection& connection) {
  const auto who = connection.run("SELECT current_user, current_database()");
  if (!who) return who.error();
  const auto created = connection.run("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public");
  if (created) return {};
  const std::string& sqlstate = connection.sqlstate();
  if (sqlstate == "42501")
    return unusable(
        fmt::format("pgvector is missing from database {1} and role {0} may not create it: an "
                    "administrator must run, in that database: CREATE EXTENSION vector;",
                    who->text(0, 0), who->text(0, 1)));
  if (sqlstate == "0A000" || sqlstate == "58P01")
    return unusable(
        "pgvector is not installed on the database's server: an administrator must install it "
        "(Debian: the package postgresql-NN-pgvector) and run: CREATE EXTENSION vector;");
  return created.error();
}

Result<void> check_pgvector(PgConnection& connection) {
  const std::string look =
      "SELECT e.extversion, n.nspname, to_regtype('halfvec') IS NOT NULL, current_database() "
      "FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
      "WHERE e.extname = 'vector'";
  auto rows = connection.run(look);
  if (rows && rows->empty()) {
    if (const auto created = create_pgvector(connection); !created) return created;
    rows = connection.run(look);
  }
  if (!rows) return rows.error();
  if (rows->empty()) return unusable("pgvector was dropped while forkdex started");
  if (!recent_enough(rows->text(0, 0)))
    return unusable(fmt::format(
        "pgvector is {}: forkdex needs 0.8 or later; an administrator must install it and run: "
        "ALTER EXTENSION vector UPDATE;",
        rows->text(0, 0)));
  if (rows->text(0, 2) != "t")
    return unusable(
        fmt::format("pgvector stands in schema {0}, which is not searched: an administrator must "
                    "run: ALTER DATABASE \"{1}\" SET search_path = public, \"{0}\";",
                    rows->text(0, 1), rows->text(0, 3)));
  return {};
}

/// The schema's version; 0 for none. ERRORS kDatabaseUnusable when its steps were not ours.
Result<std::int64_t> stored_version(PgConnection& connection) {
  const auto table = connection.run("SELECT to_regclass('forkdex.schema_version') IS NOT NULL");
  if (!table) return table.error();
  if (table->text(0, 0) != "t") return std::int64_t{0};
  const auto rows =
      connection.run("SELECT version, name FROM forkdex.schema_version ORDER BY version");
  if (!rows) return rows.error();
  std::int64_t version = 0;
  for (int row = 0; row < rows->size(); ++row) {
    version = rows->integer(row, 0);
    const std::span<const Migration> steps = migrations();
    const auto at = static_cast<std::size_t>(version) - 1;
    if (at < steps.size() && steps[at].name != rows->text(row, 1))
      return unusable(fmt::format(
          "the database's schema was made by a version of forkdex in development (step {} is {}, "
          "not {}): use another database, or drop its schema forkdex and index again",
          version, rows->text(row, 1), steps[at].name));
  }
  return version;
}

Result<void> check_not_newer(std::int64_t stored) {
  const std::size_t known = migrations().size();
  if (stored <= static_cast<std::int64_t>(known)) return {};
  return unusable(fmt::format(
      "the database's schema is version {} and this forkdex knows {}: use the newer forkdex that "
      "made it, or another database",
      stored, known));
}

Result<void> apply(PgConnection& connection, std::size_t version, const Migration& step) {
  const auto done =
      connection.run(fmt::format("BEGIN;\n{}\nINSERT INTO forkdex.schema_version (version, name) "
                                 "VALUES ({}, '{}');\nCOMMIT",
                                 step.sql, version, step.name));
  if (done) return {};
  const Error error = done.error();
  [[maybe_unused]] const auto undone = connection.run("ROLLBACK");
  return Error{error.code, fmt::format("schema step {}: {}", step.name, error.sentence),
               error.context};
}

Result<void> create_version_table(PgConnection& connection) {
  const auto created = connection.run(
      "CREATE SCHEMA IF NOT EXISTS forkdex;"
      "CREATE TABLE IF NOT EXISTS forkdex.schema_version ("
      " version integer PRIMARY KEY, name text NOT NULL,"
      " applied_at timestamptz NOT NULL DEFAULT now())");
  if (created) return {};
  if (connection.sqlstate() != "42501") return created.error();
  const auto who = connection.run("SELECT current_database(), current_user");
  if (!who) return who.error();
  return unusable(
      fmt::format("role {1} may not create the schema forkdex: an administrator must run: "
                  "GRANT CREATE ON DATABASE \"{0}\" TO \"{1}\";",
                  who->text(0, 0), who->text(0, 1)));
}

Result<void> migrate(PgConnection& connection) {
  if (const auto checked = check_pgvector(connection); !checked) return checked;
  const auto stored = stored_version(connection);
  if (!stored) return stored.error();
  if (const auto checked = check_not_newer(*stored); !checked) return checked;
  if (*stored == 0)
    if (const auto created = create_version_table(connection); !created) return created;
  const std::span<const Migration> steps = migrations();
  for (auto done = static_cast<std::size_t>(*stored); done < steps.size(); ++done)
    if (const auto applied = apply(connection, done + 1, steps[done]); !applied) return applied;
  return {};
}

}  // namespace

Result<void> prepare_schema(PgConnection& connection) {
  if (const auto checked = check_server(connection); !checked) return checked;
  // CREATE EXTENSION and CREATE SCHEMA IF NOT EXISTS of two sessions collide without the lock.
  const std::string key = fmt::format("({}, 0)", kMigrationLock);
  const auto locked = connection.run("SELECT pg_advisory_lock" + key);
  if (!locked) return locked.error();
  const auto migrated = migrate(connection);
  if (!connection.alive()) return migrated;
  const auto unlocked = connection.run("SELECT pg_advisory_unlock" + key);
  if (migrated && !unlocked) return unlocked.error();
  return migrated;
}

}  // namespace forkdex
