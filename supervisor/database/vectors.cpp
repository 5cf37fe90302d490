#include "supervisor/database/vectors.h"

#include <chrono>
#include <string>

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"

namespace forkdex {
namespace {

constexpr int kCollectedAtOnce = 2000;  // about 50 ms under the lock

std::string fingerprint_text(const ModelFolder& model) {
  return bytea_text(bytes_of(model.fingerprint));
}

// The texts that collect_removed_texts looks at.
constexpr const char* kOfRemovedTexts =
    " AND EXISTS (SELECT FROM pg_temp.removed_texts r WHERE r.content_hash = v.content_hash)";

/// One batch of collect_vectors, behind the key ($1, $2), of the vectors `v` for which `condition`
/// holds: gives its last key and how many went.
std::string batch_statement(std::chrono::days kept, std::string_view condition) {
  const std::string may_go =
      kept.count() == 0 ? "true"
                        : fmt::format(
                              "EXISTS (SELECT FROM forkdex.unneeded_vectors u "
                              "  WHERE u.model_id = i.model_id AND u.content_hash = i.content_hash "
                              "  AND u.since < now() - interval '{} days')",
                              kept.count());
  return fmt::format(
      "WITH batch AS MATERIALIZED (SELECT model_id, content_hash FROM forkdex.vectors v "
      "  WHERE (model_id, content_hash) > ($1::int, $2::bytea){} "
      "  ORDER BY model_id, content_hash LIMIT {}), "
      "idle AS MATERIALIZED (SELECT b.model_id, b.content_hash FROM batch b "
      "  WHERE NOT EXISTS (SELECT FROM forkdex.chunks c "
      "    JOIN forkdex.repositories r ON r.id = c.repository_id "
      "    WHERE c.content_hash = b.content_hash "
      "    AND coalesce(r.code_model, b.model_id) = b.model_id) "
      "  AND NOT EXISTS (SELECT FROM forkdex.chunks c "
      "    JOIN forkdex.repositories r ON r.id = c.repository_id "
      "    WHERE c.text_hash = b.content_hash "
      "    AND coalesce(r.text_model, b.model_id) = b.model_id) "
      "  AND NOT EXISTS (SELECT FROM forkdex.commits k "
      "    JOIN forkdex.repositories r ON r.id = k.repository_id "
      "    WHERE k.content_hash = b.content_hash "
      "    AND coalesce(r.messages_model, b.model_id) = b.model_id)), "
      "needed AS (DELETE FROM forkdex.unneeded_vectors u USING batch b "
      "  WHERE u.model_id = b.model_id AND u.content_hash = b.content_hash "
      "  AND NOT EXISTS (SELECT FROM idle i "
      "    WHERE i.model_id = b.model_id AND i.content_hash = b.content_hash)), "
      "gone AS (DELETE FROM forkdex.vectors v USING idle i "
      "  WHERE v.model_id = i.model_id AND v.content_hash = i.content_hash AND {} "
      "  RETURNING v.model_id, v.content_hash), "
      "noted AS (INSERT INTO forkdex.unneeded_vectors "
      "  SELECT i.model_id, i.content_hash, now() FROM idle i WHERE NOT EXISTS (SELECT FROM gone g "
      "    WHERE g.model_id = i.model_id AND g.content_hash = i.content_hash) "
      "  ON CONFLICT DO NOTHING) "
      "SELECT model_id, content_hash, (SELECT count(*) FROM gone) FROM batch "
      "ORDER BY model_id DESC, content_hash DESC LIMIT 1",
      condition, kCollectedAtOnce, may_go);
}

}  // namespace

Result<std::optional<std::int64_t>> stored_model_id(PgConnection& connection,
                                                    const ModelFolder& model) {
  const auto rows = connection.run("SELECT id FROM forkdex.models WHERE fingerprint = $1",
                                   {fingerprint_text(model)});
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(rows->integer(0, 0));
}

Result<std::int64_t> model_id(PgConnection& connection, const ModelFolder& model) {
  for (;;) {
    const auto stored = stored_model_id(connection, model);
    if (!stored) return stored.error();
    if (*stored) return **stored;
    const auto added = connection.run(
        "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (fingerprint) DO NOTHING",
        {model.name, model.architecture, std::to_string(model.dimension), fingerprint_text(model)});
    if (!added) return added.error();
  }
}

Result<std::int64_t> vector_count(PgConnection& connection, std::int64_t model_id,
                                  std::int64_t limit) {
  const auto rows = connection.run(
      "SELECT count(*) FROM (SELECT FROM forkdex.vectors WHERE model_id = $1 LIMIT $2) v",
      {std::to_string(model_id), std::to_string(limit)});
  if (!rows) return rows.error();
  return rows->integer(0, 0);
}

namespace {

Result<std::int64_t> collect(PgConnection& connection, const std::string& batch) {
  // The lock before the statement that looks: what a writer stored before is then committed and in
  // view, and no other writer is between looking and committing.
  const std::string before = fmt::format(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({}, 0);"
      "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
      "SET LOCAL enable_mergejoin = off",
      kVectorsLock);
  std::int64_t collected = 0;
  std::string model = "0";
  std::string hash = "\\x";
  while (connection.wait_limits().allows_waiting()) {
    if (const auto begun = connection.run(before); !begun) return begun.error();
    const auto last = connection.run(batch, {model, hash});
    const auto ended = connection.run(last ? "COMMIT" : "ROLLBACK");
    if (!last) return last.error();
    if (!ended) return ended.error();
    if (last->empty()) break;
    model = last->text(0, 0);
    hash = last->text(0, 1);
    collected += last->integer(0, 2);
  }
  return collected;
}

}  // namespace

Result<std::int64_t> collect_vectors(PgConnection& connection, std::chrono::days kept) {
  return collect(connection, batch_statement(kept, ""));
}

std::string note_removed_texts(std::int64_t repository_id) {
  return fmt::format(
      "CREATE TEMPORARY TABLE removed_texts (content_hash bytea PRIMARY KEY);"
      "INSERT INTO removed_texts "
      "SELECT content_hash FROM forkdex.chunks WHERE repository_id = {0} "
      "UNION SELECT text_hash FROM forkdex.chunks "
      "  WHERE repository_id = {0} AND text_hash IS NOT NULL "
      "UNION SELECT content_hash FROM forkdex.commits "
      "  WHERE repository_id = {0} AND content_hash IS NOT NULL;",
      repository_id);
}

Result<std::int64_t> collect_removed_texts(PgConnection& connection) {
  return collect(connection, batch_statement(std::chrono::days(0), kOfRemovedTexts));
}

Result<std::optional<std::int64_t>> collect_vectors_when_due(PgConnection& connection,
                                                             std::chrono::days kept) {
  // Whoever moves the time does the work; killed in the middle, it is left to the next day's run.
  const auto due = connection.run(
      "UPDATE forkdex.vector_sweep SET swept_at = now() "
      "WHERE $1 = 0 OR swept_at < now() - interval '1 day' RETURNING 1",
      {std::to_string(kept.count())});
  if (!due) return due.error();
  if (due->empty()) return std::optional<std::int64_t>();
  const auto collected = collect_vectors(connection, kept);
  if (!collected) return collected.error();
  return std::optional<std::int64_t>(*collected);
}

}  // namespace forkdex
