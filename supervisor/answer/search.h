#pragma once

// The nearest chunks to a vector, and how they are printed. The vector is a worker's work.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/model/view.h"
#include "common/pg/connection.h"

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
  double score = 0;  ///< 1 at best: the cosine similarity, or of two views their weighted mean
  std::int64_t chunk_id = 0;
};

/// What hits are narrowed to; an empty one narrows nothing.
struct SearchFilters {
  std::string repository = {};
  std::string language = {};
  std::string path_glob = {};
  std::string kind = {};
  std::size_t limit = 10;
};

/// A query as a model sees it.
struct ViewQuery {
  std::int64_t model_id = 0;
  std::vector<float> vector;  ///< of the model's dimension
};
/// By view; nothing where the view is off, or its model has embedded nothing.
using Query = PerView<std::optional<ViewQuery>>;

/// The `limit` nearest chunks, best first, by the models' indexes where there are any. With both
/// views a chunk's score is (code + 0.8 text) / 1.8, and those are looked at that are near in one
/// of them. ERRORS kUsage when the repository named does not exist, else as PgConnection::run.
Result<std::vector<Hit>> nearest(PgConnection& connection, const Query& query,
                                 const SearchFilters& filters);

/// A line a hit, "path:definition_line  name  score", behind "repository: " when there are several.
std::string hits_text(const std::vector<Hit>& hits);

/// One JSON object, {"results": […]}, and a newline.
std::string hits_json(const std::vector<Hit>& hits);

}  // namespace forkdex
