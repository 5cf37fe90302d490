#pragma once

// The nearest chunks to a vector, and how they are printed. The vector is a worker's work.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/pg_connection.h"
#include "common/result.h"

namespace forkdex {

/// One place that answers a query. A text that stands in several places is a hit in each;
/// of the parts of one definition or long line only the nearest is one.
struct Hit {
  std::string repository;
  std::string path;  ///< escaped, as rows have it
  std::string name;  ///< empty for a chunk that is no definition
  std::string qualified_name;
  std::string kind;
  std::int64_t start_line = 0;
  std::int64_t end_line = 0;
  std::int64_t definition_line = 0;
  double score = 0;  ///< cosine similarity, 1 at best
};

/// What hits are narrowed to; an empty one narrows nothing.
struct SearchFilters {
  std::string repository = {};
  std::string language = {};
  std::string path_glob = {};
  std::string kind = {};
  std::size_t limit = 10;
};

/// The `limit` nearest chunks under the model `model_id`, best first, by the model's index where
/// there is one. REQUIRES query.size() == the model's dimension.
/// ERRORS kUsage when the repository named does not exist, else as PgConnection::run.
Result<std::vector<Hit>> nearest(PgConnection& connection, std::int64_t model_id,
                                 std::span<const float> query, const SearchFilters& filters);

/// A line a hit, "path:definition_line  name  score", behind "repository: " when there are several.
std::string hits_text(const std::vector<Hit>& hits);

/// One JSON object, {"results": […]}, and a newline.
std::string hits_json(const std::vector<Hit>& hits);

}  // namespace forkdex
