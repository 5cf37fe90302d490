#include "supervisor/commands/query_command.h"

#include <fmt/format.h>

#include "common/pg/conninfo.h"
#include "supervisor/answer/commit_search.h"
#include "supervisor/answer/query_embedding.h"
#include "supervisor/answer/search.h"
#include "supervisor/commands/doctor.h"
#include "supervisor/commands/failures.h"
#include "supervisor/commands/status.h"
#include "supervisor/database/access.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/installation/locations.h"
#include "supervisor/repository/remote/clone.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

SearchFilters filters_of(const Settings& settings) {
  SearchFilters filters;
  filters.repository = settings.repository;
  filters.language = settings.language;
  filters.path_glob = settings.path_glob;
  filters.kind = settings.kind;
  filters.limit = settings.limit;
  return filters;
}

Result<void> search_chunks(PgConnection& connection, const Settings& settings, const Query& query) {
  auto hits = nearest(connection, query, filters_of(settings));
  if (!hits) return hits.error();
  return write_output(settings.json ? hits_json(*hits) : hits_text(*hits));
}

Result<void> search_commits(PgConnection& connection, const Settings& settings,
                            const std::optional<ViewQuery>& query) {
  auto hits =
      query ? nearest_commits(connection, query->model_id, query->vector, filters_of(settings))
            : Result<std::vector<CommitHit>>(std::vector<CommitHit>());
  if (!hits) return hits.error();
  return write_output(settings.json ? commit_hits_json(*hits) : commit_hits_text(*hits));
}

/// The query as each model sees it that has ever embedded something: under the others nothing is
/// found.
Result<Query> embedded(PgConnection& connection, const Settings& settings, const ViewModels& models,
                       const std::string& text) {
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
    auto vector = embed_query(worker_executable(), *models[view], worker_tuning(settings), text);
    if (!vector) return vector.error();
    query[view] = ViewQuery{**id, *std::move(vector)};
  }
  return query;
}

/// Whether a repository in question has vectors of the query's models: all of a view's, or while it
/// is indexed again by another model perhaps some.
Result<bool> can_compare(PgConnection& connection, const Settings& settings, const Query& query) {
  const bool for_commits = settings.kind == kCommitKind;
  std::string conditions;
  const auto add = [&](const char* column, const std::optional<ViewQuery>& view) {
    if (view)
      conditions += fmt::format("{0}coalesce({1}, {2}) = {2}", conditions.empty() ? "" : " OR ",
                                column, view->model_id);
  };
  add(for_commits ? "messages_model" : "code_model", query.code);
  add("text_model", query.text);
  if (conditions.empty()) return false;
  const auto rows = connection.run(
      "SELECT FROM forkdex.repositories WHERE $1 IN ('', name) AND (" + conditions + ") LIMIT 1",
      {settings.repository});
  if (!rows) return rows.error();
  return !rows->empty();
}

Result<void> search(const Settings& settings, const std::string& text) {
  auto models = read_view_models(settings);
  if (!models) return models.error();
  auto database = DatabaseAccess::open(settings.database_url, "forkdex search");
  if (!database) return database.error();
  PgConnection& connection = database->connection();
  if (!settings.repository.empty())
    if (auto id = repository_id(connection, settings.repository); !id) return id.error();
  const bool for_commits = settings.kind == kCommitKind;
  if (for_commits) {  // one model has embedded all messages
    const View view = message_view(*models);
    models->code = (*models)[view];
    models->text.reset();
  }
  auto query = embedded(connection, settings, *models, text);
  if (!query) return query.error();
  const auto comparable = can_compare(connection, settings, *query);
  if (!comparable) return comparable.error();
  if (!*comparable)
    log_warning("search.nothing_to_compare",
                {{"reason",
                  "nothing was indexed by these models for these views, with this "
                  "--document-prefix and these --dimensions: search with the options of the run "
                  "that indexed"}});
  return for_commits ? search_commits(connection, settings, query->code)
                     : search_chunks(connection, settings, *query);
}

Result<void> doctor(const Settings& settings) {
  // First, as a run does: with an embedded server in it, our group could not be divided.
  const std::string_view memory_limit = MemoryLimits::name(MemoryLimits::open("/").kind());
  auto database = DatabaseAccess::open(settings.database_url, "forkdex doctor");
  const MachineLimits limits = machine_limits();
  const ExaminedModel code_model = examine_model(settings.code_model, settings);
  const Examination examination{
      .limits = limits,
      .processor = read_processor("/"),
      .database = database                        ? database->description()
                  : settings.database_url.empty() ? "embedded PostgreSQL"
                                                  : describe_database(settings.database_url),
      .versions = database ? database_versions(database->connection())
                           : Result<DatabaseVersions>(database.error()),
      .models = {code_model, settings.text_model == settings.code_model
                                 ? code_model
                                 : examine_model(settings.text_model, settings)},
      .workers = choose_workers(limits.cores, limits.memory_bytes()),
      .sandbox = sandbox_support(),
      .memory_limit = std::string(memory_limit),
  };
  auto written =
      write_output(settings.json ? examination_json(examination) : examination_text(examination));
  return written ? verdict(examination) : written;
}

Result<std::string> failures(PgConnection& connection, const Settings& settings,
                             const std::string& name) {
  return settings.json ? failures_json(connection, name) : failures_text(connection, name);
}

Result<std::string> status(PgConnection& connection, const Settings& settings,
                           const std::string& name) {
  const auto statuses = repository_statuses(connection, name);
  if (!statuses) return statuses.error();
  return settings.json ? statuses_json(*statuses) : statuses_text(*statuses);
}

Result<void> remove(PgConnection& connection, const std::string& name) {
  const auto root = repository_root(connection, name);
  if (!root) return root.error();
  if (auto removed = remove_repository(connection, name); !removed) return removed;
  return remove_clone(*root);
}

}  // namespace

Result<void> run_query(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const std::string name = invocation.arguments.empty() ? "" : invocation.arguments.front();
  if (invocation.subcommand == Subcommand::kSearch) return search(settings, name);
  if (invocation.subcommand == Subcommand::kDoctor) return doctor(settings);
  auto database = DatabaseAccess::open(settings.database_url, "forkdex query");
  if (!database) return database.error();
  PgConnection& connection = database->connection();
  if (invocation.subcommand == Subcommand::kRemove) return remove(connection, name);
  const auto answer = invocation.subcommand == Subcommand::kFailures
                          ? failures(connection, settings, name)
                          : status(connection, settings, name);
  if (!answer) return answer.error();
  return write_output(*answer);
}

}  // namespace forkdex
