#include "supervisor/answer/search.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "supervisor/answer/cursor.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"

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

std::string_view hash_column(View view) {
  return view == View::kCode ? "content_hash" : "text_hash";
}

// The distance is spelled as the model's partial index has it, id and dimension as literals: only
// then can the planner use the index.
Statement nearest_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                            std::optional<std::size_t> most_rows) {
  const std::string distance =
      fmt::format("(v.embedding::halfvec({0})) <=> $1::halfvec({0})", query.vector.size());
  Statement statement;
  statement.params.emplace_back(vector_text(query.vector));
  statement.sql = fmt::format(
      "SELECT {}, 1 - ({}) "
      "FROM forkdex.vectors v JOIN forkdex.chunks c ON c.{} = v.content_hash "
      "JOIN forkdex.repositories r ON r.id = c.repository_id{} WHERE v.model_id = {}",
      kHitColumns, distance, hash_column(view),
      filters.language.empty() ? ""
                               : " JOIN forkdex.files f ON f.repository_id = c.repository_id"
                                 " AND f.path_hash = c.path_hash",
      query.model_id);
  if (!filters.repository.empty()) statement.require("r.name", filters.repository);
  if (!filters.language.empty()) statement.require("f.language", filters.language);
  if (!filters.kind.empty()) statement.require("c.kind", filters.kind);
  statement.sql += " ORDER BY " + distance;
  if (most_rows) statement.sql += fmt::format(" LIMIT {}", *most_rows);
  return statement;
}

// Without the first, an index gives as many rows as it looks at, however few pass the filters. The
// second tells the planner that little of a cursor will be read, as is so.
constexpr const char* kByIndex =
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('cursor_tuple_fraction', '0.001', true)";
constexpr const char* kExact =
    "SELECT set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true)";

Result<std::vector<Hit>> scan(PgConnection& connection, View view, const ViewQuery& query,
                              const SearchFilters& filters, const char* how,
                              std::optional<std::size_t> most_rows) {
  const Statement statement = nearest_statement(view, query, filters, most_rows);
  std::vector<Hit> hits;
  std::map<Place, std::size_t> known;
  std::size_t read = 0;
  const auto done = for_each_row(
      connection, how, statement.sql, statement.params, [&](const PgRows& rows, int row) {
        ++read;
        if (!filters.path_glob.empty() && !path_matches(filters.path_glob, rows.text(row, 1)))
          return true;
        Hit hit = hit_of(rows, row);
        hit.score = rows.real(row, 9);
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
    return scan(connection, view, query, filters, how, std::nullopt);
  return hits;
}

// Rows to ask for at first, several a place; a glob is matched here, by the rules of --include, so
// nobody knows how many rows it takes.
std::optional<std::size_t> first_rows(const SearchFilters& filters) {
  if (!filters.path_glob.empty()) return std::nullopt;
  return 4 * filters.limit;
}

/// The nearest in one view, best first but for what an index leaves in disorder.
Result<std::vector<Hit>> nearest_in(PgConnection& connection, View view, const ViewQuery& query,
                                    const SearchFilters& filters) {
  auto hits = scan(connection, view, query, filters, kByIndex, first_rows(filters));
  if (!hits || hits->size() >= filters.limit) return hits;
  // An index gives up after so many rows; when that left too few, all rows are looked at.
  const auto indexed = has_vector_index(connection, query.model_id);
  if (!indexed) return indexed.error();
  if (*indexed) hits = scan(connection, view, query, filters, kExact, first_rows(filters));
  return hits;
}

// What measured best over questions with known answers, with source vectors that know no path.
constexpr double kTextWeight = 0.8;
// Near enough in one view for the other one to matter.
constexpr std::size_t kLeastCandidates = 100;

/// The best chunk of each place.
std::vector<Hit> best_of_places(std::map<std::int64_t, Hit> hits) {
  std::map<Place, Hit> places;
  for (auto& [id, hit] : hits) {
    Hit& best = places.try_emplace(place_of(hit), hit).first->second;
    if (hit.score > best.score) best = std::move(hit);
  }
  std::vector<Hit> all;
  for (auto& [place, hit] : places) all.push_back(std::move(hit));
  return all;
}

Result<std::vector<Hit>> nearest_in_both(PgConnection& connection, const Query& query,
                                         const SearchFilters& filters) {
  SearchFilters wider = filters;
  wider.limit = std::max(4 * filters.limit, kLeastCandidates);
  std::map<std::int64_t, Hit> candidates;
  for (const View view : kViews) {
    auto hits = nearest_in(connection, view, *query[view], wider);
    if (!hits) return hits;
    for (Hit& hit : *hits) candidates.try_emplace(hit.chunk_id, std::move(hit));
  }
  std::vector<std::int64_t> ids;
  for (const auto& [id, hit] : candidates) ids.push_back(id);
  const auto scores = similarities(connection, query, ids);
  if (!scores) return scores.error();
  for (const auto& [id, score] : *scores) candidates.at(id).score = score;
  return best_of_places(std::move(candidates));
}

}  // namespace

Result<std::vector<Hit>> nearest(PgConnection& connection, const Query& query,
                                 const SearchFilters& filters) {
  if (!filters.repository.empty())
    if (const auto known = repository_id(connection, filters.repository); !known)
      return known.error();
  Result<std::vector<Hit>> hits = std::vector<Hit>();
  if (query.code && query.text) {
    hits = nearest_in_both(connection, query, filters);
  } else if (query.code || query.text) {
    const View view = query.code ? View::kCode : View::kText;
    hits = nearest_in(connection, view, *query[view], filters);
  }
  if (!hits) return hits;
  sort_hits(*hits);
  if (hits->size() > filters.limit) hits->resize(filters.limit);
  return hits;
}

namespace {

/// Of the chunk c the similarity to a view's query, which is parameter `parameter`; null without a
/// vector.
std::string similarity(View view, const std::optional<ViewQuery>& query, std::size_t parameter) {
  if (!query) return "NULL";
  return fmt::format(
      "1 - ((SELECT v.embedding::halfvec({0}) FROM forkdex.vectors v WHERE v.model_id = {1} AND "
      "v.content_hash = c.{2}) <=> ${3}::halfvec({0}))",
      query->vector.size(), query->model_id, hash_column(view), parameter);
}

}  // namespace

Result<std::map<std::int64_t, double>> similarities(PgConnection& connection, const Query& query,
                                                    std::span<const std::int64_t> chunk_ids) {
  std::map<std::int64_t, double> scores;
  if (chunk_ids.empty() || (!query.code && !query.text)) return scores;
  std::vector<PgParam> params = {array_text(chunk_ids)};
  std::string columns;
  for (const View view : kViews) {
    columns += ", " + similarity(view, query[view], params.size() + 1);
    if (query[view]) params.emplace_back(vector_text(query[view]->vector));
  }
  const auto rows = connection.run(
      "SELECT c.id" + columns + " FROM forkdex.chunks c WHERE c.id = ANY ($1::bigint[])", params);
  if (!rows) return rows.error();
  for (int row = 0; row < rows->size(); ++row) {
    const bool has_code = !rows->is_null(row, 1);
    const bool has_text = !rows->is_null(row, 2);
    const double weight = (has_code ? 1 : 0) + (has_text ? kTextWeight : 0);
    if (weight == 0) continue;  // without a vector, or gone
    scores[rows->integer(row, 0)] =
        ((has_code ? rows->real(row, 1) : 0) + (has_text ? kTextWeight * rows->real(row, 2) : 0)) /
        weight;
  }
  return scores;
}

}  // namespace forkdex
