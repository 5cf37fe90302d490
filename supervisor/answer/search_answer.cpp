#include "supervisor/answer/search_answer.h"

#include <fmt/format.h>

#include "supervisor/answer/hybrid_search.h"
#include "supervisor/answer/query_embedding.h"
#include "supervisor/answer/word_search.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"

namespace forkdex {
namespace {

bool asks_for_commits(const SearchRequest& request) { return request.filters.kind == kCommitKind; }

/// By view. One model has embedded all commit messages.
ViewModels models_of(const SearchRequest& request) {
  if (!asks_for_commits(request)) return request.models;
  return {request.models[message_view(request.models)], {}};
}

/// The query as each model sees it that has ever embedded something: under the others nothing is
/// found.
Result<Query> embedded(PgConnection& connection, const SearchRequest& request) {
  const ViewModels models = models_of(request);
  Query query;
  for (const View view : kViews) {
    if (!models[view]) continue;
    if (view == View::kText && is_one_model(models)) {
      query.text = query.code;
      continue;
    }
    const auto id = stored_model_id(connection, *models[view]);
    if (!id) return id.error();
    if (!*id) continue;
    auto vector =
        embed_query(request.worker_executable, *models[view], request.tuning, request.text);
    if (!vector) return vector.error();
    query[view] = ViewQuery{**id, *std::move(vector)};
  }
  return query;
}

/// See SearchAnswer::comparable.
Result<bool> can_compare(PgConnection& connection, const SearchRequest& request,
                         const Query& query) {
  std::string conditions;
  const auto add = [&](const char* column, const std::optional<ViewQuery>& view) {
    if (view)
      conditions += fmt::format("{0}coalesce({1}, {2}) = {2}", conditions.empty() ? "" : " OR ",
                                column, view->model_id);
  };
  add(asks_for_commits(request) ? "messages_model" : "code_model", query.code);
  add("text_model", query.text);
  if (conditions.empty()) return false;
  const auto rows = connection.run(
      "SELECT FROM forkdex.repositories WHERE $1 IN ('', name) AND (" + conditions + ") LIMIT 1",
      {request.filters.repository});
  if (!rows) return rows.error();
  return !rows->empty();
}

Result<std::vector<CommitHit>> commits(PgConnection& connection, const SearchRequest& request,
                                       const std::optional<ViewQuery>& query) {
  if (!query) return std::vector<CommitHit>();
  return nearest_commits(connection, query->model_id, query->vector, request.filters);
}

Result<SearchAnswer> by_words(PgConnection& connection, const SearchRequest& request,
                              bool comparable) {
  auto hits = find_by_words(connection, request.text, request.filters);
  if (!hits) return hits.error();
  return SearchAnswer{*std::move(hits), comparable};
}

/// See SearchAnswer::behind.
Result<std::optional<TextCounts>> texts_behind(PgConnection& connection,
                                               const std::string& repository) {
  const auto noted = noted_texts(connection, repository);
  if (!noted) return noted.error();
  if (!*noted) return std::optional(TextCounts());
  return (*noted)->missing > 0 ? *noted : std::nullopt;
}

Result<SearchAnswer> by_meaning(PgConnection& connection, const SearchRequest& request) {
  const auto query = embedded(connection, request);
  if (!query) return query.error();
  const auto comparable = can_compare(connection, request, *query);
  if (!comparable) return comparable.error();
  const auto behind = *comparable ? texts_behind(connection, request.filters.repository)
                                  : Result<std::optional<TextCounts>>(std::nullopt);
  if (!behind) return behind.error();
  if (asks_for_commits(request)) {
    auto hits = commits(connection, request, query->code);
    if (!hits) return hits.error();
    return SearchAnswer{*std::move(hits), *comparable, *behind};
  }
  if (!*comparable) return by_words(connection, request, false);
  const auto unindexed = lacks_index(connection, *query, request.filters);
  if (!unindexed) return unindexed.error();
  auto found = find_by_both(connection, *query, request.text, request.filters);
  if (!found) return found.error();
  return SearchAnswer{std::move(found->hits), found->compared, *behind, *unindexed};
}

}  // namespace

Result<SearchAnswer> answer(PgConnection& connection, const SearchRequest& request) {
  if (!request.filters.repository.empty())
    if (auto id = repository_id(connection, request.filters.repository); !id) return id.error();
  return request.words ? by_words(connection, request, true) : by_meaning(connection, request);
}

std::string answer_text(const SearchAnswer& answer) {
  if (const auto* commits = std::get_if<std::vector<CommitHit>>(&answer.hits))
    return commit_hits_text(*commits);
  return hits_text(std::get<std::vector<Hit>>(answer.hits));
}

std::string answer_json(const SearchAnswer& answer) {
  if (const auto* commits = std::get_if<std::vector<CommitHit>>(&answer.hits))
    return commit_hits_json(*commits);
  return hits_json(std::get<std::vector<Hit>>(answer.hits));
}

}  // namespace forkdex
