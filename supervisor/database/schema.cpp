#include "supervisor/database/schema.h"

#include <string>

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"
#include "supervisor/database/migrations.h"
#include "supervisor/database/prerequisites.h"

namespace forkdex {
namespace {

constexpr int kOldestServer = 150000;  // server_version_num

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
  const bool denied = connection.sqlstate() == "42501";
  [[maybe_unused]] const auto undone = connection.run("ROLLBACK");
  return Error{error.code,
               fmt::format("schema step {}: {}{}", step.name, error.sentence,
                           denied ? "; run forkdex once as the role that owns the tables of the "
                                    "schema forkdex, or as an administrator"
                                  : ""),
               error.context};
}

Result<void> create_version_table(PgConnection& connection) {
  // Not IF NOT EXISTS: that asks for the right to create one that is there too.
  const auto there = connection.run("SELECT to_regnamespace('forkdex') IS NOT NULL");
  if (!there) return there.error();
  const std::string schema = there->text(0, 0) == "t" ? "" : "CREATE SCHEMA forkdex;";
  const auto created = connection.run(schema +
                                      "CREATE TABLE IF NOT EXISTS forkdex.schema_version ("
                                      " version integer PRIMARY KEY, name text NOT NULL,"
                                      " applied_at timestamptz NOT NULL DEFAULT now())");
  return created ? Result<void>() : created.error();
}

Result<void> migrate(PgConnection& connection) {
  if (const auto met = meet_prerequisites(connection); !met) return met;
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
