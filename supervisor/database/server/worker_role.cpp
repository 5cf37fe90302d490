#include "supervisor/database/server/worker_role.h"

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"

namespace forkdex {

Result<void> prepare_worker_role(PgConnection& connection) {
  const auto ready = connection.run(
      fmt::format("SELECT coalesce((SELECT has_table_privilege(oid, 'forkdex.word_segments', "
                  "'INSERT') "
                  "AND has_column_privilege(oid, 'forkdex.commits', 'message', 'SELECT') "
                  "FROM pg_roles WHERE rolname = '{}'), false)",
                  kWorkerRole));
  if (!ready) return ready.error();
  if (ready->text(0, 0) == "t") return {};
  // Two who grant at once would collide.
  const auto granted = connection.run(fmt::format(
      "BEGIN; SELECT pg_advisory_xact_lock({1}, 0);"
      "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{0}') THEN "
      "CREATE ROLE {0} LOGIN; END IF; END $$;"
      "GRANT USAGE ON SCHEMA forkdex TO {0};"
      "GRANT SELECT ON forkdex.runs TO {0};"
      "GRANT SELECT (content_hash, message) ON forkdex.commits TO {0};"
      "GRANT SELECT, INSERT, UPDATE, DELETE ON forkdex.files, forkdex.vectors, forkdex.chunks "
      "TO {0};"
      "GRANT SELECT, INSERT, DELETE ON forkdex.word_segments, forkdex.word_postings TO {0}; "
      "COMMIT",
      kWorkerRole, kMigrationLock));
  if (granted) return {};
  const Error error = granted.error();
  if (connection.alive()) [[maybe_unused]]
    const auto undone = connection.run("ROLLBACK");
  return error;
}

}  // namespace forkdex
