#pragma once

// The chunks nearest to a vector. A worker made the vector.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "common/error/result.h"
#include "common/model/view.h"
#include "common/pg/connection.h"
#include "supervisor/answer/hit.h"

namespace forkdex {

/// A query as a model sees it.
struct ViewQuery {
  std::int64_t model_id = 0;
  std::vector<float> vector;  ///< of the model's dimension
};
/// By view; nothing where the view is off, or its model has embedded nothing.
using Query = PerView<std::optional<ViewQuery>>;

/// The `limit` nearest chunks, best first with a score of 1 at most, by the models' indexes where
/// there are any. With both views a chunk's score is (code + 0.8 text) / 1.8, and those are looked
/// at that are near in one of them. ERRORS kUsage when the repository named does not exist, else as
/// PgConnection::run.
Result<std::vector<Hit>> nearest(PgConnection& connection, const Query& query,
                                 const SearchFilters& filters);

/// Whether vectors that the search compares are so many that an index pays, and have none. ERRORS
/// as PgConnection::run.
Result<bool> lacks_index(PgConnection& connection, const Query& query,
                         const SearchFilters& filters);

/// How near chunks are, by id: the scores that nearest() gives them. One without a vector is not in
/// the result. ERRORS as PgConnection::run.
Result<std::map<std::int64_t, double>> similarities(PgConnection& connection, const Query& query,
                                                    std::span<const std::int64_t> chunk_ids);

}  // namespace forkdex
