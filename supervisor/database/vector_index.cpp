#include "supervisor/database/vector_index.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/pg/advisory_lock.h"
#include "supervisor/database/vectors.h"

namespace forkdex {
namespace {

// What one vector takes of the graph while it is built, beside its signs: 710 bytes were measured.
constexpr std::size_t kGraphBytesPerVector = 720;
constexpr std::size_t kLeastBuildMib = 64;
constexpr std::size_t kMostBuildMib = 1024;

std::string index_name(std::int64_t model_id) { return fmt::format("vectors_signs_{}", model_id); }

/// The state of the model's index: valid, left half-built by a dead builder, or none.
enum class IndexState { kNone, kHalf, kValid };

Result<IndexState> index_state(PgConnection& connection, std::int64_t model_id) {
  const auto rows = connection.run(
      "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = 'forkdex' AND c.relname = $1",
      {index_name(model_id)});
  if (!rows) return rows.error();
  if (rows->empty()) return IndexState::kNone;
  return rows->text(0, 0) == "t" ? IndexState::kValid : IndexState::kHalf;
}

Result<void> create_index(PgConnection& connection, std::int64_t model_id, std::size_t dimension,
                          std::int64_t vectors) {
  const std::size_t needed_mib =
      (static_cast<std::size_t>(vectors) * (dimension / 8 + kGraphBytesPerVector)) >> 20;
  const std::string statements[] = {
      fmt::format("DROP INDEX IF EXISTS forkdex.{}", index_name(model_id)),
      fmt::format("SET maintenance_work_mem = '{}MB'",
                  std::clamp(needed_mib, kLeastBuildMib, kMostBuildMib)),
      fmt::format("CREATE INDEX CONCURRENTLY {} ON forkdex.vectors USING hnsw "
                  "(({}) bit_hamming_ops) WHERE model_id = {}",
                  index_name(model_id), vector_signs("embedding", dimension), model_id),
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
  const auto state = index_state(connection, model_id);
  if (!state) return state.error();
  return *state == IndexState::kValid;
}

Result<std::optional<double>> build_vector_index_if_large(PgConnection& connection,
                                                          std::int64_t model_id,
                                                          std::size_t dimension,
                                                          std::int64_t threshold) {
  const std::optional<double> none;
  const auto has = has_vector_index(connection, model_id);
  if (!has) return has.error();
  if (*has) return none;
  const auto enough = vector_count(connection, model_id, threshold);
  if (!enough) return enough.error();
  if (*enough < threshold || *enough == 0) return none;

  const std::string key = fmt::format("({}, {})", kIndexBuild, model_id);
  const auto alone = connection.run("SELECT pg_try_advisory_lock" + key);
  if (!alone) return alone.error();
  if (alone->text(0, 0) != "t") return none;
  const auto begun = std::chrono::steady_clock::now();
  const auto vectors = vector_count(connection, model_id, INT64_MAX);
  Result<void> built = vectors ? create_index(connection, model_id, dimension, *vectors)
                               : Result<void>(vectors.error());
  if (connection.alive()) {
    const auto unlocked = connection.run("SELECT pg_advisory_unlock" + key);
    if (built && !unlocked) return unlocked.error();
  }
  if (!built) return built.error();
  return std::optional<double>(seconds_since(begun));
}

}  // namespace forkdex
