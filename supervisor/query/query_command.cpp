#include "supervisor/query/query_command.h"

#include <filesystem>

#include <fmt/format.h>

#include "common/locations.h"
#include "common/model_folder.h"
#include "common/terminal_text.h"
#include "supervisor/database/database_access.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"
#include "supervisor/query/doctor.h"
#include "supervisor/query/failures.h"
#include "supervisor/query/query_embedding.h"
#include "supervisor/query/search.h"
#include "supervisor/query/status.h"

namespace forkdex {
namespace {

constexpr const char* kApplicationName = "forkdex supervisor";

std::filesystem::path code_model_folder(const Settings& settings) {
  return settings.code_model.empty() ? default_model_folder() : settings.code_model;
}

Result<ModelFolder> code_model(const Settings& settings) {
  const auto cache = cache_folder();
  return ModelFolder::read(code_model_folder(settings), cache ? *cache : std::filesystem::path());
}

SearchFilters filters_of(const Settings& settings) {
  return {settings.repository, settings.language, settings.path_glob, settings.kind,
          settings.limit};
}

}  // namespace

Result<std::string> search_command(const Settings& settings, const std::string& query) {
  const auto model = code_model(settings);
  if (!model) return model.error();
  auto database = DatabaseAccess::open(settings.database_url, kApplicationName);
  if (!database) return database.error();
  PgConnection& connection = database->connection();
  if (!settings.repository.empty())
    if (const auto known = repository_id(connection, settings.repository); !known)
      return known.error();
  const auto vector = embed_query(worker_executable(), *model, query);
  if (!vector) return vector.error();
  const auto stored = stored_model_id(connection, *model);
  if (!stored) return stored.error();
  std::vector<Hit> hits;
  if (*stored) {
    auto found = nearest(connection, **stored, *vector, filters_of(settings));
    if (!found) return found.error();
    hits = *std::move(found);
  }
  return settings.json ? hits_json(hits) : hits_text(hits);
}

Result<std::string> status_command(const Settings& settings,
                                   const std::vector<std::string>& arguments) {
  auto database = DatabaseAccess::open(settings.database_url, kApplicationName);
  if (!database) return database.error();
  const auto statuses = repository_statuses(database->connection(),
                                            arguments.empty() ? std::string() : arguments.front());
  if (!statuses) return statuses.error();
  return settings.json ? statuses_json(*statuses) : statuses_text(*statuses);
}

Result<std::string> failures_command(const Settings& settings, const std::string& name) {
  auto database = DatabaseAccess::open(settings.database_url, kApplicationName);
  if (!database) return database.error();
  return settings.json ? failures_json(database->connection(), name)
                       : failures_text(database->connection(), name);
}

Result<std::string> remove_command(const Settings& settings, const std::string& name) {
  auto database = DatabaseAccess::open(settings.database_url, kApplicationName);
  if (!database) return database.error();
  if (const auto removed = remove_repository(database->connection(), name); !removed)
    return removed.error();
  if (settings.verbosity == Verbosity::kQuiet) return std::string();
  return fmt::format("{} is removed\n", printable(name));
}

Result<std::string> doctor_command(const Settings& settings) {
  auto database = DatabaseAccess::open(settings.database_url, kApplicationName);
  const MachineLimits limits = machine_limits();
  const Examination examination{.limits = limits,
                                .processor = read_processor("/"),
                                .database = database ? database->description()
                                            : settings.database_url.empty()
                                                ? "embedded PostgreSQL"
                                                : describe_database(settings.database_url),
                                .versions = database ? database_versions(database->connection())
                                                     : Result<DatabaseVersions>(database.error()),
                                .model_folder = code_model_folder(settings),
                                .model = code_model(settings),
                                .workers = choose_workers(limits.cores, limits.memory_bytes())};
  return settings.json ? examination_json(examination) : examination_text(examination);
}

}  // namespace forkdex
