#include "supervisor/commands/query_command.h"

#include "common/pg/conninfo.h"
#include "supervisor/answer/search_answer.h"
#include "supervisor/commands/doctor.h"
#include "supervisor/commands/failures.h"
#include "supervisor/commands/status.h"
#include "supervisor/database/access.h"
#include "supervisor/database/repositories.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/installation/locations.h"
#include "supervisor/repository/remote/clone.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

SearchRequest request_of(const Settings& settings, const std::string& text, ViewModels models) {
  SearchRequest request;
  request.text = text;
  request.filters.repository = settings.repository;
  request.filters.language = settings.language;
  request.filters.path_glob = settings.path_glob;
  request.filters.kind = settings.kind;
  request.filters.limit = settings.limit;
  request.models = std::move(models);
  request.worker_executable = worker_executable();
  request.tuning = worker_tuning(settings);
  return request;
}

Result<void> search(const Settings& settings, const std::string& text) {
  auto models = read_view_models(settings);
  if (!models) return models.error();
  auto database = DatabaseAccess::open(settings.database_url, "forkdex search");
  if (!database) return database.error();
  const auto found = answer(database->connection(), request_of(settings, text, *std::move(models)));
  if (!found) return found.error();
  if (!found->comparable)
    log_warning("search.nothing_to_compare",
                {{"reason",
                  "nothing was indexed by these models for these views, with this "
                  "--document-prefix and these --dimensions: search with the options of the run "
                  "that indexed"}});
  return write_output(settings.json ? answer_json(*found) : answer_text(*found));
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
