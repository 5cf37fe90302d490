#include "supervisor/answer/word_search.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "supervisor/answer/word_index.h"
#include "supervisor/database/repositories.h"

namespace forkdex {
namespace {

Result<std::vector<std::int64_t>> repositories_of(PgConnection& connection,
                                                  const SearchFilters& filters) {
  std::vector<std::int64_t> ids;
  if (!filters.repository.empty()) {
    const auto id = repository_id(connection, filters.repository);
    if (!id) return id.error();
    ids.push_back(*id);
    return ids;
  }
  const auto rows = connection.run("SELECT id FROM forkdex.repositories");
  if (!rows) return rows.error();
  for (int row = 0; row < rows->size(); ++row) ids.push_back(rows->integer(row, 0));
  return ids;
}

/// Takes chunks best first and reads those that pass the filters.
class HitReader {
 public:
  HitReader(PgConnection& connection, const SearchFilters& filters, std::vector<ScoredChunk> chunks)
      : connection_(connection), filters_(filters), chunks_(std::move(chunks)) {
    std::make_heap(chunks_.begin(), chunks_.end(), is_worse);
  }

  Result<std::vector<Hit>> run() {
    // Filters may leave little of what is read: the next time more is.
    std::size_t wanted = std::max<std::size_t>(64, 4 * filters_.limit);
    for (; hits_.size() < filters_.limit && !chunks_.empty(); wanted *= 4)
      if (auto read = read_next(wanted); !read) return read.error();
    if (hits_.size() > filters_.limit) hits_.resize(filters_.limit);
    return std::move(hits_);
  }

 private:
  static bool is_worse(const ScoredChunk& a, const ScoredChunk& b) {
    return a.score != b.score ? a.score < b.score : a.chunk_id > b.chunk_id;
  }

  Result<void> read_next(std::size_t wanted) {
    std::unordered_map<std::int64_t, double> scores;
    double last = 0;
    // Equals stay together: which of them are shown is up to their names, not to their ids, which
    // depend on the order in which workers stored them.
    while (!chunks_.empty() && (scores.size() < wanted || chunks_.front().score == last)) {
      std::pop_heap(chunks_.begin(), chunks_.end(), is_worse);
      last = chunks_.back().score;
      scores.emplace(chunks_.back().chunk_id, last);
      chunks_.pop_back();
    }
    std::vector<std::int64_t> ids;
    for (const auto& [id, score] : scores) ids.push_back(id);
    const auto rows =
        connection_.run(select(), {array_text(ids), filters_.language, filters_.kind});
    if (!rows) return rows.error();
    std::vector<Hit> found;
    for (int row = 0; row < rows->size(); ++row) {
      Hit hit = hit_of(*rows, row);
      hit.score = scores.at(hit.chunk_id);
      if (filters_.path_glob.empty() || path_matches(filters_.path_glob, hit.path))
        found.push_back(std::move(hit));
    }
    sort_hits(found);
    for (Hit& hit : found)
      if (places_.insert(place_of(hit)).second) hits_.push_back(std::move(hit));
    return {};
  }

  std::string select() const {
    std::string sql = fmt::format(
        "SELECT {} FROM forkdex.chunks c JOIN forkdex.repositories r "
        "ON r.id = c.repository_id",
        kHitColumns);
    sql +=
        " WHERE c.id = ANY ($1::bigint[]) AND $3 IN ('', c.kind) AND ($2 = '' OR EXISTS "
        "(SELECT FROM forkdex.files f WHERE f.repository_id = c.repository_id AND f.path_hash = "
        "c.path_hash AND f.language = $2))";
    return sql;
  }

  PgConnection& connection_;
  const SearchFilters& filters_;
  std::vector<ScoredChunk> chunks_;  // a heap
  std::vector<Hit> hits_;            // best first
  std::set<Place> places_;
};

/// As match_words, the chunks in no order.
Result<WordMatches> unsorted_matches(PgConnection& connection, const std::string& text,
                                     const SearchFilters& filters) {
  // One snapshot: segments and the chunks behind them change together.
  const auto begun = connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!begun) return begun.error();
  auto matches = [&]() -> Result<WordMatches> {
    const auto repositories = repositories_of(connection, filters);
    if (!repositories) return repositories.error();
    auto chunks = score_by_words(connection, *repositories, words_of_query(text));
    if (!chunks) return chunks.error();
    auto hits = HitReader(connection, filters, *chunks).run();
    if (!hits) return hits.error();
    return WordMatches{*std::move(hits), *std::move(chunks)};
  }();
  const auto ended = connection.run("ROLLBACK");
  if (matches && !ended) return ended.error();
  return matches;
}

}  // namespace

double WordMatches::score(std::int64_t chunk_id) const {
  const auto found = std::lower_bound(
      chunks.begin(), chunks.end(), chunk_id,
      [](const ScoredChunk& chunk, std::int64_t id) { return chunk.chunk_id < id; });
  return found != chunks.end() && found->chunk_id == chunk_id ? found->score : 0;
}

Result<WordMatches> match_words(PgConnection& connection, const std::string& text,
                                const SearchFilters& filters) {
  auto matches = unsorted_matches(connection, text, filters);
  if (matches)
    std::sort(matches->chunks.begin(), matches->chunks.end(),
              [](const ScoredChunk& a, const ScoredChunk& b) { return a.chunk_id < b.chunk_id; });
  return matches;
}

Result<std::vector<Hit>> find_by_words(PgConnection& connection, const std::string& text,
                                       const SearchFilters& filters) {
  auto matches = unsorted_matches(connection, text, filters);
  if (!matches) return matches.error();
  return std::move(matches->hits);
}

}  // namespace forkdex
