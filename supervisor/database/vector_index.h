#pragma once

// The index that makes many vectors quick to search: HNSW over their signs, one bit a dimension
// (pgvector's binary_quantize). It finds candidates; the vectors themselves rank them. It has
// a fifth of the size of an index over the vectors, and an insert takes less than half the time
// (docs/benchmarks.md). SOURCE Malkov and Yashunin, "Efficient and robust approximate nearest
// neighbor search using Hierarchical Navigable Small World graphs", 2016.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// What the index of a model is over, of a column or parameter that is a vector. A query uses the
/// index only where it spells this, and `model_id = K`, with the numbers as literals.
std::string vector_signs(const std::string& vector, std::size_t dimension);

/// Whether the model's vectors have their index.
Result<bool> has_vector_index(PgConnection& connection, std::int64_t model_id);

/// From so many vectors of one model on an index pays: fewer are compared one by one in well under
/// a second, and each insert into an index takes time (docs/benchmarks.md).
inline constexpr std::int64_t kIndexedFrom = 50'000;

struct UnindexedModel {
  std::int64_t id = 0;
  std::string name;
  std::size_t dimension = 0;
  std::int64_t vectors = 0;
};

/// The models of which a repository has vectors, at least `threshold` of them and no index; only
/// these, where `ids` has any. BLOCKS for as long as counting takes. ERRORS as PgConnection::run.
Result<std::vector<UnindexedModel>> unindexed_models(PgConnection& connection,
                                                     std::int64_t threshold,
                                                     std::span<const std::int64_t> ids = {});

/// Builds the model's index beside readers and writers. BLOCKS for minutes, as far as the
/// connection's wait limits allow. Returns the seconds it took, or nothing where another process is
/// building it. ERRORS as PgConnection::run. CRASH leaves an invalid index, replaced by the next
/// call.
Result<std::optional<double>> build_vector_index(PgConnection& connection,
                                                 const UnindexedModel& model);

}  // namespace forkdex
