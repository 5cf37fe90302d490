#include "supervisor/answer/commit_search.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/glob.h"
#include "common/base/path_text.h"
#include "common/base/terminal_text.h"
#include "supervisor/answer/cursor.h"
#include "supervisor/database/repositories.h"

namespace forkdex {
namespace {

constexpr std::size_t kShownOidDigits = 10;

// Materialized, so that it goes by the commits: the model's index holds mostly chunks.
std::string nearest_statement(std::int64_t model_id, std::size_t dimension,
                              const SearchFilters& filters) {
  return fmt::format(
      "WITH scored AS MATERIALIZED ("
      " SELECT r.name, c.oid, c.author, to_char(c.authored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') "
      "   AS date, split_part(c.message, E'\\n', 1) AS subject, {0} AS files, "
      "   1 - ((v.embedding::halfvec({1})) <=> $1::halfvec({1})) AS score "
      " FROM forkdex.commits c JOIN forkdex.repositories r ON r.id = c.repository_id "
      " JOIN forkdex.vectors v ON v.model_id = {2} AND v.content_hash = c.content_hash "
      " WHERE $2 = '' OR r.name = $2) "
      "SELECT name, oid, author, date, subject, files, score FROM scored "
      "ORDER BY score DESC, name, date DESC, oid",
      filters.path_glob.empty() ? "''" : "to_json(c.files)::text", dimension, model_id);
}

/// Whether one of the paths in `json` is what the user asks for.
bool touches(const std::string& glob, std::string_view json) {
  const auto paths = nlohmann::json::parse(json, nullptr, false);
  return std::any_of(paths.begin(), paths.end(), [&](const nlohmann::json& path) {
    if (!path.is_string()) return false;
    const auto& escaped = path.get_ref<const std::string&>();
    const std::optional<std::string> raw = unescape_path(escaped);
    return glob_match(glob, raw ? *raw : escaped);
  });
}

std::string_view name_of(std::string_view author) {
  const std::string_view name = author.substr(0, author.find(" <"));
  return name.empty() ? author : name;
}

}  // namespace

Result<std::vector<CommitHit>> nearest_commits(PgConnection& connection, std::int64_t model_id,
                                               std::span<const float> query,
                                               const SearchFilters& filters) {
  if (!filters.repository.empty())
    if (const auto known = repository_id(connection, filters.repository); !known)
      return known.error();
  std::vector<CommitHit> hits;
  if (!filters.language.empty()) return hits;
  const std::vector<PgParam> params = {fmt::format("[{}]", fmt::join(query, ",")),
                                       filters.repository};
  const auto done = for_each_row(
      connection, "", nearest_statement(model_id, query.size(), filters), params,
      [&](const PgRows& rows, int row) {
        if (hits.size() >= filters.limit) return false;
        if (!filters.path_glob.empty() && !touches(filters.path_glob, rows.text(row, 5)))
          return true;
        const auto text = [&](int column) { return std::string(rows.text(row, column)); };
        hits.push_back({text(0), text(1), text(2), text(3), text(4), rows.real(row, 6)});
        return hits.size() < filters.limit;
      });
  if (!done) return done.error();
  return hits;
}

std::string commit_hits_text(const std::vector<CommitHit>& hits) {
  const bool several = std::any_of(hits.begin(), hits.end(), [&](const CommitHit& hit) {
    return hit.repository != hits.front().repository;
  });
  std::string text;
  for (const CommitHit& hit : hits) {
    if (several) text += printable(hit.repository) + ": ";
    fmt::format_to(std::back_inserter(text), "{}  {}  {}  {}  {:.3f}\n",
                   hit.oid.substr(0, kShownOidDigits), hit.date, printable(name_of(hit.author)),
                   printable(hit.subject), hit.score);
  }
  return text;
}

std::string commit_hits_json(const std::vector<CommitHit>& hits) {
  std::vector<Hit> as_hits;
  for (const CommitHit& hit : hits) {
    Hit& as_hit = as_hits.emplace_back();
    as_hit.repository = hit.repository;
    as_hit.path = hit.oid;
    as_hit.name = hit.subject;
    as_hit.kind = kCommitKind;
    as_hit.score = hit.score;
  }
  return hits_json(as_hits);
}

}  // namespace forkdex
