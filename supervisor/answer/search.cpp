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

std::string distance_to_query(std::size_t dimension) {
  return fmt::format("(v.embedding::halfvec({0})) <=> $1::halfvec({0})", dimension);
}

/// " FROM forkdex.chunks c" with what the filters need beside it.
std::string chunks_to_filter(const SearchFilters& filters) {
  std::string tables =
      " FROM forkdex.chunks c JOIN forkdex.repositories r ON r.id = c.repository_id";
  if (!filters.language.empty())
    tables +=
        " JOIN forkdex.files f ON f.repository_id = c.repository_id AND f.path_hash = c.path_hash";
  return tables;
}

void require_filters(Statement& statement, const SearchFilters& filters) {
  if (!filters.repository.empty()) statement.require("r.name", filters.repository);
  if (!filters.language.empty()) statement.require("f.language", filters.language);
  if (!filters.kind.empty()) statement.require("c.kind", filters.kind);
}

/// The chunks that pass the filters, nearest first, with their similarity; `vectors` is FROM's item
/// v, and `more` what else is selected.
Statement nearest_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                            Statement vectors, std::string_view more) {
  Statement statement;
  statement.params = std::move(vectors.params);
  const std::string distance = distance_to_query(query.vector.size());
  statement.sql = fmt::format(
      "SELECT {}, 1 - ({}) AS similarity{}{} JOIN {} ON c.{} = v.content_hash", kHitColumns,
      distance, more, chunks_to_filter(filters), vectors.sql, hash_column(view));
  statement.sql += " WHERE true";
  require_filters(statement, filters);
  statement.sql += " ORDER BY " + distance;
  return statement;
}

/// All of them.
Statement exact_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                          std::optional<std::size_t> most_rows) {
  Statement vectors;
  vectors.sql =
      fmt::format("(SELECT * FROM forkdex.vectors WHERE model_id = {}) v", query.model_id);
  vectors.params.emplace_back(vector_text(query.vector));
  Statement statement = nearest_statement(view, query, filters, std::move(vectors), "");
  if (most_rows) statement.sql += fmt::format(" LIMIT {}", *most_rows);
  return statement;
}

/// Those of the `candidates` vectors whose signs are nearest and that a chunk has which passes the
/// filters. The last column says how many vectors these were: copies of one text are one vector.
Statement indexed_statement(View view, const ViewQuery& query, const SearchFilters& filters,
                            std::size_t candidates) {
  const std::size_t dimension = query.vector.size();
  Statement vectors;
  vectors.params.emplace_back(vector_text(query.vector));
  vectors.sql = fmt::format(
      "(SELECT n.*, count(*) OVER () AS found FROM (SELECT v.content_hash, v.embedding "
      "FROM forkdex.vectors v WHERE v.model_id = {} AND EXISTS (SELECT{} WHERE c.{} = "
      "v.content_hash",
      query.model_id, chunks_to_filter(filters), hash_column(view));
  require_filters(vectors, filters);
  vectors.sql +=
      fmt::format(") ORDER BY {} <~> {} LIMIT {}) n) v", vector_signs("v.embedding", dimension),
                  vector_signs("$1", dimension), candidates);
  return nearest_statement(view, query, filters, std::move(vectors), ", v.found");
}

struct HitsRead {
  std::vector<Hit> hits;
  std::size_t rows = 0;
  std::int64_t found = 0;  ///< vectors, where the statement counts them
};

/// Reads hits until they stand at `most` places. `counted` is for a statement whose last column is
/// how many vectors were found.
Result<HitsRead> read_hits(PgConnection& connection, const std::string& before,
                           const Statement& statement, const SearchFilters& filters,
                           std::size_t most, bool counted = false) {
  HitsRead read;
  std::map<Place, std::size_t> known;
  const auto done = for_each_row(
      connection, before, statement.sql, statement.params, [&](const PgRows& rows, int row) {
        ++read.rows;
        if (counted) read.found = rows.integer(row, 10);
        if (!filters.path_glob.empty() && !path_matches(filters.path_glob, rows.text(row, 1)))
          return true;
        Hit hit = hit_of(rows, row);
        hit.score = rows.real(row, 9);
        const auto [place, is_new] = known.try_emplace(place_of(hit), read.hits.size());
        if (is_new)
          read.hits.push_back(std::move(hit));
        else if (hit.score > read.hits[place->second].score)
          read.hits[place->second] = std::move(hit);
        return read.hits.size() < most;
      });
  if (!done) return done.error();
  return read;
}

Result<std::vector<Hit>> exact_nearest(PgConnection& connection, View view, const ViewQuery& query,
                                       const SearchFilters& filters) {
  // Rows to ask for at first, several a place; a glob is matched here, by the rules of --include,
  // and may leave few of them.
  std::optional<std::size_t> most_rows;
  if (filters.path_glob.empty()) most_rows = 4 * filters.limit;
  auto read = read_hits(connection, "", exact_statement(view, query, filters, most_rows), filters,
                        filters.limit);
  if (!read) return read.error();
  // So many rows stood at few places: without a limit the cursor goes on until there are enough.
  if (most_rows && read->rows >= *most_rows && read->hits.size() < filters.limit)
    read = read_hits(connection, "", exact_statement(view, query, filters, std::nullopt), filters,
                     filters.limit);
  if (!read) return read.error();
  return std::move(read->hits);
}

// With the least, few of the ten nearest of 1,000,000 are missed (docs/benchmarks.md); no list of
// the index is longer than the most.
constexpr std::size_t kLeastCandidates = 800;
constexpr std::size_t kMostCandidates = 1000;

// Without the first, an index gives as many rows as its list has, however few pass the filters; the
// last two say when it gives up: after so many vectors, or so many times work_mem.
constexpr const char* kIndexSettings =
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('hnsw.ef_search', '{}', true), set_config('hnsw.max_scan_tuples', '100000', true),"
    " set_config('hnsw.scan_mem_multiplier', '16', true)";

/// The nearest of the candidates that the index gives, or nothing where these are too few to choose
/// from.
Result<std::optional<std::vector<Hit>>> indexed_nearest(PgConnection& connection, View view,
                                                        const ViewQuery& query,
                                                        const SearchFilters& filters) {
  const std::size_t candidates = std::clamp(4 * filters.limit, kLeastCandidates, kMostCandidates);
  // A glob is matched here: signs have chosen what is left, and the vectors should have a choice.
  const std::size_t wanted = filters.path_glob.empty() ? filters.limit : 2 * filters.limit;
  auto read = read_hits(connection, fmt::format(kIndexSettings, candidates),
                        indexed_statement(view, query, filters, candidates), filters, wanted, true);
  if (!read) return read.error();
  if (read->found < static_cast<std::int64_t>(candidates) || read->hits.size() < wanted)
    return std::optional<std::vector<Hit>>();
  return std::optional(std::move(read->hits));
}

/// Whether the repository asked for has so few chunks that an index would not pay for them alone.
Result<bool> asks_for_few(PgConnection& connection, const SearchFilters& filters) {
  if (filters.repository.empty()) return false;
  const auto rows = connection.run(
      "SELECT count(*) FROM (SELECT FROM forkdex.chunks WHERE repository_id = "
      "(SELECT id FROM forkdex.repositories WHERE name = $1) LIMIT $2) c",
      {filters.repository, std::to_string(kIndexedFrom)});
  if (!rows) return rows.error();
  return rows->integer(0, 0) < kIndexedFrom;
}

/// Whether the index is the way to these.
Result<bool> by_index(PgConnection& connection, const ViewQuery& query,
                      const SearchFilters& filters) {
  if (filters.limit > kMostCandidates) return false;
  const auto indexed = has_vector_index(connection, query.model_id);
  if (!indexed || !*indexed) return indexed;
  const auto few = asks_for_few(connection, filters);
  if (!few) return few;
  return !*few;
}

/// The nearest in one view, best first.
Result<std::vector<Hit>> nearest_in(PgConnection& connection, View view, const ViewQuery& query,
                                    const SearchFilters& filters) {
  const auto indexed = by_index(connection, query, filters);
  if (!indexed) return indexed.error();
  if (*indexed) {
    auto hits = indexed_nearest(connection, view, query, filters);
    if (!hits) return hits.error();
    if (*hits) return **std::move(hits);
  }
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

Result<bool> lacks_index(PgConnection& connection, const Query& query,
                         const SearchFilters& filters) {
  for (const View view : kViews) {
    if (!query[view]) continue;
    const auto has = has_vector_index(connection, query[view]->model_id);
    if (!has) return has;
    if (*has) continue;
    const auto vectors = vector_count(connection, query[view]->model_id, kIndexedFrom);
    if (!vectors) return vectors.error();
    if (*vectors < kIndexedFrom) continue;
    const auto few = asks_for_few(connection, filters);
    if (!few) return few;
    return !*few;
  }
  return false;
}

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
