#pragma once

// The index that makes many vectors quick to search: HNSW over their signs, one bit a dimension
// (pgvector's binary_quantize). It finds candidates; the vectors themselves rank them. A fifth of
// the size of one over the vectors, and a quarter of its inserts' time (docs/benchmarks.md). SOURCE
// Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
// Navigable Small World graphs", 2016.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// What the index of a model is over, of a column or parameter that is a vector. A query uses the
/// index only where it spells this, and `model_id = K`, with the numbers as literals.
std::string vector_signs(const std::string& vector, std::size_t dimension);

/// Whether the model's vectors have their index.
Result<bool> has_vector_index(PgConnection& connection, std::int64_t model_id);

/// Builds the index of a model that has at least `threshold` vectors and no index yet, beside
/// readers and writers. Returns the seconds it took, or nothing when none was built (few vectors,
/// already there, or another run builds it). ERRORS as PgConnection::run. CRASH leaves an invalid
/// index, replaced by the next call.
Result<std::optional<double>> build_vector_index_if_large(PgConnection& connection,
                                                          std::int64_t model_id,
                                                          std::size_t dimension,
                                                          std::int64_t threshold);

}  // namespace forkdex
