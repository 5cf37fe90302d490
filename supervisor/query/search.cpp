#include "supervisor/query/search.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/glob.h"
#include "common/path_text.h"
#include "common/terminal_text.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"
#include "supervisor/query/cursor.h"

namespace forkdex {
namespace {

std::string vector_text(std::span<const float> vector) {
  return fmt::format("[{}]", fmt::join(vector, ","));
}

/// A SELECT and its parameters.
struct Statement {
  std::string sql;
  std::vector<PgParam> params;

  /// Adds " AND <condition> = $n".
  void require(std::string_view expression, const std::string& value) {
    params.emplace_back(value);
    fmt::format_to(std::back_inserter(sql), " AND {} = ${}", expression, params.size());
  }
};

// The distance is spelled as the model's partial index has it, id and dimension as literals: only
// then can the planner use the index.
Statement nearest_statement(std::int64_t model_id, std::span<const float> query,
                            const SearchFilters& filters, std::optional<std::size_t> most_rows) {
  const std::string distance =
      fmt::format("(v.embedding::halfvec({0})) <=> $1::halfvec({0})", query.size());
  Statement statement;
  statement.params.emplace_back(vector_text(query));
  statement.sql = fmt::format(
      "SELECT r.name, c.path, c.name, c.qualified_name, c.kind, c.start_line, c.end_line,"
      " c.definition_line, 1 - ({}) "
      "FROM forkdex.vectors v JOIN forkdex.chunks c ON c.content_hash = v.content_hash "
      "JOIN forkdex.repositories r ON r.id = c.repository_id{} WHERE v.model_id = {}",
      distance,
      filters.language.empty() ? ""
                               : " JOIN forkdex.files f ON f.repository_id = c.repository_id"
                                 " AND f.path_hash = c.path_hash",
      model_id);
  if (!filters.repository.empty()) statement.require("r.name", filters.repository);
  if (!filters.language.empty()) statement.require("f.language", filters.language);
  if (!filters.kind.empty()) statement.require("c.kind", filters.kind);
  statement.sql += " ORDER BY " + distance;
  if (most_rows) statement.sql += fmt::format(" LIMIT {}", *most_rows);
  return statement;
}

bool path_matches(const std::string& glob, std::string_view escaped) {
  const std::optional<std::string> raw = unescape_path(escaped);
  return glob_match(glob, raw ? std::string_view(*raw) : escaped);
}

/// What a line of the answer shows: the parts of one definition or long line share it.
using Place = std::tuple<std::string, std::string, std::int64_t, std::string>;

Place place_of(const Hit& hit) {
  return {hit.repository, hit.path, hit.definition_line,
          hit.qualified_name.empty() ? hit.name : hit.qualified_name};
}

Hit hit_of(const PgRows& rows, int row) {
  Hit hit;
  hit.repository = rows.text(row, 0);
  hit.path = rows.text(row, 1);
  hit.name = rows.text(row, 2);
  hit.qualified_name = rows.text(row, 3);
  hit.kind = rows.text(row, 4);
  hit.start_line = rows.integer(row, 5);
  hit.end_line = rows.integer(row, 6);
  hit.definition_line = rows.integer(row, 7);
  hit.score = rows.real(row, 8);
  return hit;
}

// An index gives its rows in a relaxed order; those of equal score are put in an order of their
// own. Which of them take the last places is left to the scan.
void sort_hits(std::vector<Hit>& hits) {
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::tie(b.score, a.repository, a.path, a.start_line, a.name) <
           std::tie(a.score, b.repository, b.path, b.start_line, b.name);
  });
}

std::string hit_line(const Hit& hit, bool several_repositories) {
  std::string line;
  if (several_repositories) line = printable(hit.repository) + ": ";
  line += fmt::format("{}:{}", printable(hit.path), hit.definition_line);
  const std::string& name = hit.qualified_name.empty() ? hit.name : hit.qualified_name;
  return line + fmt::format("  {}  {:.3f}\n", printable(name.empty() ? hit.kind : name), hit.score);
}

// Without the first, an index gives as many rows as it looks at, however few pass the filters. The
// second tells the planner that little of a cursor will be read, as is so.
constexpr const char* kByIndex =
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('cursor_tuple_fraction', '0.001', true)";
constexpr const char* kExact =
    "SELECT set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true)";

Result<std::vector<Hit>> scan(PgConnection& connection, std::int64_t model_id,
                              std::span<const float> query, const SearchFilters& filters,
                              const char* how, std::optional<std::size_t> most_rows) {
  const Statement statement = nearest_statement(model_id, query, filters, most_rows);
  std::vector<Hit> hits;
  std::map<Place, std::size_t> known;
  std::size_t read = 0;
  const auto done = for_each_row(
      connection, how, statement.sql, statement.params, [&](const PgRows& rows, int row) {
        ++read;
        if (!filters.path_glob.empty() && !path_matches(filters.path_glob, rows.text(row, 1)))
          return true;
        Hit hit = hit_of(rows, row);
        const auto [place, is_new] = known.try_emplace(place_of(hit), hits.size());
        if (is_new)
          hits.push_back(std::move(hit));
        else if (hit.score > hits[place->second].score)
          hits[place->second] = std::move(hit);
        return hits.size() < filters.limit;
      });
  if (!done) return done.error();
  // So many rows stood at few places: without a limit the cursor goes on until there are enough.
  if (most_rows && read == *most_rows && hits.size() < filters.limit)
    return scan(connection, model_id, query, filters, how, std::nullopt);
  return hits;
}

// Rows to ask for at first, several a place; a glob is matched here, by the rules of --include, so
// nobody knows how many rows it takes.
std::optional<std::size_t> first_rows(const SearchFilters& filters) {
  if (!filters.path_glob.empty()) return std::nullopt;
  return 4 * filters.limit;
}

}  // namespace

Result<std::vector<Hit>> nearest(PgConnection& connection, std::int64_t model_id,
                                 std::span<const float> query, const SearchFilters& filters) {
  if (!filters.repository.empty())
    if (const auto known = repository_id(connection, filters.repository); !known)
      return known.error();
  auto hits = scan(connection, model_id, query, filters, kByIndex, first_rows(filters));
  if (!hits) return hits;
  // An index gives up after so many rows; when that left too few, all rows are looked at.
  if (hits->size() < filters.limit) {
    const auto indexed = has_vector_index(connection, model_id);
    if (!indexed) return indexed.error();
    if (*indexed) hits = scan(connection, model_id, query, filters, kExact, first_rows(filters));
    if (!hits) return hits;
  }
  sort_hits(*hits);
  return hits;
}

std::string hits_text(const std::vector<Hit>& hits) {
  const bool several = std::any_of(hits.begin(), hits.end(), [&](const Hit& hit) {
    return hit.repository != hits.front().repository;
  });
  std::string text;
  for (const Hit& hit : hits) text += hit_line(hit, several);
  return text;
}

std::string hits_json(const std::vector<Hit>& hits) {
  using Json = nlohmann::ordered_json;
  Json results = Json::array();
  for (const Hit& hit : hits)
    results.push_back({{"path", hit.path},
                       {"name", hit.name},
                       {"kind", hit.kind},
                       {"start_line", hit.start_line},
                       {"end_line", hit.end_line},
                       {"definition_line", hit.definition_line},
                       {"score", std::round(hit.score * 1e6) / 1e6},
                       {"repository", hit.repository}});
  const Json answer = {{"results", std::move(results)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace forkdex
