#include "supervisor/answer/search.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "supervisor/answer/cursor.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vector_index.h"

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

std::string distance_to_query(std::size_t dimension) {
  return fmt::format("(v.embedding::halfvec({0})) <=> $1::halfvec({0})", dimension);
}

/// The chunks that pass the filters, with their similarity, in no order.
Statement similarity_statement(View view, const ViewQuery& query, const SearchFilters& filters) {
  Statement statement;
  statement.params.emplace_back(vector_text(query.vector));
  statement.sql = fmt::format(
      "SELECT {}, 1 - ({}) AS similarity "
      "FROM forkdex.vectors v JOIN forkdex.chunks c ON c.{} = v.content_hash "
      "JOIN forkdex.repositories r ON r.id = c.repository_id{} WHERE v.model_id = {}",
      kHitColumns, distance_to_query(query.vector.size()), hash_column(view),
      filters.language.empty() ? ""
                               : " JOIN forkdex.files f ON f.repository_id = c.repository_id"
                                 " AND f.path_hash = c.path_hash",
      query.model_id);
  if (!filters.repository.empty()) statement.require("r.name", filters.repository);
  if (!filters.language.empty()) statement.require("f.language", filters.language);
  if (!filters.kind.empty()) statement.require("c.kind", filters.kind);
  return statement;
}

/// All of them, nearest first.
Statement exact_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                          std::optional<std::size_t> most_rows) {
  Statement statement = similarity_statement(view, query, filters);
  statement.sql += " ORDER BY " + distance_to_query(query.vector.size());
  if (most_rows) statement.sql += fmt::format(" LIMIT {}", *most_rows);
  return statement;
}

/// Of the `candidates` whose signs are nearest, nearest first.
Statement indexed_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                            std::size_t candidates) {
  Statement statement = similarity_statement(view, query, filters);
  const std::size_t dimension = query.vector.size();
  statement.sql = fmt::format(
      "SELECT * FROM ({} ORDER BY {} <~> {} LIMIT {}) n ORDER BY similarity DESC", statement.sql,
      vector_signs("v.embedding", dimension), vector_signs("$1", dimension), candidates);
  return statement;
}

/// Reads hits until there are enough places; `read` is how many rows that took.
Result<std::vector<Hit>> read_hits(PgConnection& connection, const std::string& before,
                                   const Statement& statement, const SearchFilters& filters,
                                   std::size_t& read) {
  std::vector<Hit> hits;
  std::map<Place, std::size_t> known;
  const auto done = for_each_row(
      connection, before, statement.sql, statement.params, [&](const PgRows& rows, int row) {
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
  return hits;
}

Result<std::vector<Hit>> exact_nearest(PgConnection& connection, View view, const ViewQuery& query,
                                       const SearchFilters& filters) {
  // Rows to ask for at first, several a place; a glob is matched here, by the rules of --include,
  // so nobody knows how many rows it takes.
  std::optional<std::size_t> most_rows;
  if (filters.path_glob.empty()) most_rows = 4 * filters.limit;
  std::size_t read = 0;
  auto hits =
      read_hits(connection, "", exact_statement(view, query, filters, most_rows), filters, read);
  // So many rows stood at few places: without a limit the cursor goes on until there are enough.
  if (!hits || !most_rows || read < *most_rows || hits->size() >= filters.limit) return hits;
  return read_hits(connection, "", exact_statement(view, query, filters, std::nullopt), filters,
                   read);
}

// Ten of 1,000,000 were found with .98 of those of an exact search by the least, and the index has
// no list of more than the most (docs/benchmarks.md).
constexpr std::size_t kLeastCandidates = 400;
constexpr std::size_t kMostCandidates = 1000;

// Without the first, an index gives as many rows as its list has, however few pass the filters; the
// last says when it gives up.
constexpr const char* kIndexSettings =
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('hnsw.ef_search', '{}', true), set_config('hnsw.max_scan_tuples', '100000', true)";

// So many vectors are compared one by one in a fraction of a second, and no filter makes an index
// give up.
constexpr int kExactChunks = 50'000;

/// Whether the index is the way to these: it is there, and the repository asked for is not small.
Result<bool> by_index(PgConnection& connection, const ViewQuery& query,
                      const SearchFilters& filters) {
  const auto indexed = has_vector_index(connection, query.model_id);
  if (!indexed || !*indexed || filters.repository.empty()) return indexed;
  const auto rows = connection.run(
      "SELECT count(*) FROM (SELECT FROM forkdex.chunks WHERE repository_id = "
      "(SELECT id FROM forkdex.repositories WHERE name = $1) LIMIT $2) c",
      {filters.repository, std::to_string(kExactChunks)});
  if (!rows) return rows.error();
  return rows->integer(0, 0) == kExactChunks;
}

/// The nearest in one view, best first.
Result<std::vector<Hit>> nearest_in(PgConnection& connection, View view, const ViewQuery& query,
                                    const SearchFilters& filters) {
  const auto indexed = by_index(connection, query, filters);
  if (!indexed) return indexed.error();
  if (!*indexed) return exact_nearest(connection, view, query, filters);
  const std::size_t candidates = std::clamp(4 * filters.limit, kLeastCandidates, kMostCandidates);
  std::size_t read = 0;
  auto hits = read_hits(connection, fmt::format(kIndexSettings, candidates),
                        indexed_statement(view, query, filters, candidates), filters, read);
  // The index gave up, or its candidates stand at few places: all are looked at.
  if (!hits || hits->size() >= filters.limit) return hits;
  return exact_nearest(connection, view, query, filters);
}

// What measured best over questions with known answers, with source vectors that know no path.
constexpr double kTextWeight = 0.8;
// Near enough in one view for the other one to matter.
constexpr std::size_t kLeastOfEach = 100;

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
  wider.limit = std::max(4 * filters.limit, kLeastOfEach);
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
