#pragma once

// What answers a question: a chunk, and how it is printed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/pg/connection.h"

namespace forkdex {

/// One place that answers a query. A text that stands in several places is a hit in each;
/// of the parts of one definition or long line only the best is one.
struct Hit {
  std::string repository;
  std::string path;  ///< escaped, as rows have it
  std::string name;  ///< empty for a chunk that is no definition
  std::string qualified_name;
  std::string kind;
  std::int64_t start_line = 0;
  std::int64_t end_line = 0;
  std::int64_t definition_line = 0;
  double score = 0;
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

/// The columns of a hit but for its score, of the tables r (repositories) and c (chunks).
inline constexpr std::string_view kHitColumns =
    "r.name, c.path, c.name, c.qualified_name, c.kind, c.start_line, c.end_line, "
    "c.definition_line, c.id";
/// Reads kHitColumns, which a row begins with.
Hit hit_of(const PgRows& rows, int row);

/// What a line of the answer shows: the parts of one definition or long line share it.
using Place = std::tuple<std::string, std::string, std::int64_t, std::string>;
/// The place that `hit` stands at.
Place place_of(const Hit& hit);

/// Whether the path matches a glob, by the rules of --include. `escaped` as rows have it.
bool path_matches(const std::string& glob, std::string_view escaped);

/// Sorts best first; equal scores by repository, path and line.
void sort_hits(std::vector<Hit>& hits);

/// A line a hit, "path:definition_line  name  score", behind "repository: " when there are several.
std::string hits_text(const std::vector<Hit>& hits);

/// One JSON object, {"results": […]}, and a newline.
std::string hits_json(const std::vector<Hit>& hits);

}  // namespace forkdex
