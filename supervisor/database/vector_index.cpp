#include "supervisor/database/vector_index.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/pg/advisory_lock.h"
#include "supervisor/database/vectors.h"

namespace forkdex {
namespace {

// Of a vector in each layer of the graph. With twice as many, pgvector's default, candidates are
// found as well, and building and inserting take twice as long (docs/benchmarks.md).
constexpr int kNeighbours = 8;
// What one vector takes of the graph while it is built, beside its signs: 710 bytes were measured
// with twice as many neighbours.
constexpr std::size_t kGraphBytesPerVector = 720;
constexpr std::size_t kLeastBuildMib = 64;
constexpr std::size_t kMostBuildMib = 1024;

std::string index_name(std::int64_t model_id) { return fmt::format("vectors_signs_{}", model_id); }

/// Of an index over the vectors, which a program of an older version may still build.
std::string older_index_name(std::int64_t model_id) {
  return fmt::format("vectors_hnsw_{}", model_id);
}

// Of the model whose id is {}: the index that a dead builder left half-built is not valid.
constexpr const char* kHasIndex =
    "EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'forkdex' "
    "AND c.relname = 'vectors_signs_' || {} AND i.indisvalid)";

Result<void> create_index(PgConnection& connection, const UnindexedModel& model) {
  const std::size_t needed_mib =
      (static_cast<std::size_t>(model.vectors) * (model.dimension / 8 + kGraphBytesPerVector)) >>
      20;
  const std::string statements[] = {
      // Concurrently: readers and writers would queue behind a DROP that waits for a long reader.
      fmt::format("DROP INDEX CONCURRENTLY IF EXISTS forkdex.{}", index_name(model.id)),
      fmt::format("DROP INDEX CONCURRENTLY IF EXISTS forkdex.{}", older_index_name(model.id)),
      fmt::format("SET maintenance_work_mem = '{}MB'",
                  std::clamp(needed_mib, kLeastBuildMib, kMostBuildMib)),
      fmt::format("CREATE INDEX CONCURRENTLY {} ON forkdex.vectors USING hnsw "
                  "(({}) bit_hamming_ops) WITH (m = {}) WHERE model_id = {}",
                  index_name(model.id), vector_signs("embedding", model.dimension), kNeighbours,
                  model.id),
      "RESET maintenance_work_mem",
  };
  for (const std::string& statement : statements)
    if (const auto done = connection.run(statement); !done) return done.error();
  return {};
}

}  // namespace

std::string vector_signs(const std::string& vector, std::size_t dimension) {
  return fmt::format("(binary_quantize({0}::halfvec({1}))::bit({1}))", vector, dimension);
}

Result<bool> has_vector_index(PgConnection& connection, std::int64_t model_id) {
  const auto rows = connection.run("SELECT " + fmt::format(kHasIndex, model_id));
  if (!rows) return rows.error();
  return rows->text(0, 0) == "t";
}

Result<std::vector<UnindexedModel>> unindexed_models(PgConnection& connection,
                                                     std::int64_t threshold,
                                                     std::span<const std::int64_t> ids) {
  const auto rows = connection.run(
      "SELECT id, name, dimension FROM forkdex.models m WHERE NOT " +
          fmt::format(kHasIndex, "m.id") +
          " AND ($2 = '{}' OR m.id = ANY ($2::bigint[])) AND EXISTS (SELECT FROM "
          "forkdex.repositories "
          "WHERE m.id IN (coalesce(code_model, m.id), coalesce(text_model, m.id), messages_model)) "
          "AND (SELECT count(*) FROM "
          "(SELECT FROM forkdex.vectors WHERE model_id = m.id LIMIT $1) v) >= $1 ORDER BY id",
      {std::to_string(threshold), array_text(ids)});
  if (!rows) return rows.error();
  std::vector<UnindexedModel> models;
  for (int row = 0; row < rows->size(); ++row) {
    UnindexedModel model{rows->integer(row, 0), std::string(rows->text(row, 1)),
                         static_cast<std::size_t>(rows->integer(row, 2)), 0};
    const auto vectors = vector_count(connection, model.id, INT64_MAX);
    if (!vectors) return vectors.error();
    model.vectors = *vectors;
    models.push_back(std::move(model));
  }
  return models;
}

Result<std::optional<double>> build_vector_index(PgConnection& connection,
                                                 const UnindexedModel& model) {
  const std::optional<double> none;
  // One for all models: two that build beside each other would each wait for the other's snapshot.
  const std::string key = fmt::format("({}, 0)", kIndexBuild);
  const auto alone = connection.run("SELECT pg_try_advisory_lock" + key);
  if (!alone) return alone.error();
  if (alone->text(0, 0) != "t") return none;
  const auto begun = std::chrono::steady_clock::now();
  // Another process may have built it since the model was looked up.
  const auto has = has_vector_index(connection, model.id);
  Result<void> built = !has   ? Result<void>(has.error())
                       : *has ? Result<void>()
                              : create_index(connection, model);
  if (connection.alive()) {
    const auto unlocked = connection.run("SELECT pg_advisory_unlock" + key);
    if (built && !unlocked) return unlocked.error();
  }
  if (!built) return built.error();
  return std::optional<double>(seconds_since(begun));
}

}  // namespace forkdex
