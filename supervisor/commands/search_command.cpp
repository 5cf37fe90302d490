#include "supervisor/commands/search_command.h"

#include <utility>

#include <fmt/format.h>

#include "supervisor/answer/search_answer.h"
#include "supervisor/database/access.h"
#include "supervisor/installation/locations.h"
#include "supervisor/installation/program_name.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

SearchRequest request_of(const Invocation& invocation, ViewModels models) {
  const Settings& settings = invocation.settings;
  SearchRequest request;
  request.text = invocation.arguments.front();
  request.filters.repository = settings.repository;
  request.filters.language = settings.language;
  request.filters.path_glob = settings.path_glob;
  request.filters.kind = settings.kind;
  request.filters.limit = settings.limit;
  request.words = settings.words;
  request.models = std::move(models);
  request.worker_executable = worker_executable();
  request.tuning = worker_tuning(settings);
  return request;
}

void warn_of_nothing_to_compare(bool commits) {
  log_warning("search.nothing_to_compare",
              {{"reason", fmt::format("nothing was indexed by these models for these views, with "
                                      "this --document-prefix and these --dimensions{}: search "
                                      "with the options of the run that indexed{}",
                                      commits ? "" : ", so the answer is by words alone",
                                      commits ? "" : ", or with --words")}});
}

void warn_of_missing_vectors(const TextCounts& texts, bool commits) {
  const std::string missing = texts.total == 0 ? "some texts have no vector yet"
                                               : fmt::format("{} of {} texts have no vector yet",
                                                             texts.missing, texts.total);
  log_warning(
      "search.vectors_missing",
      {{"reason", missing + (commits ? " and are not found" : " and are found by words alone") +
                      ": index without --no-vectors, or wait for the run that is at it"}});
}

void warn_of_missing_index() {
  log_warning(
      "search.no_index",
      {{"reason", fmt::format("the vectors have no index yet, so each of them was compared: "
                              "{} database index, for the same database, builds one",
                              program_name())}});
}

}  // namespace

Result<int> run_search(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (settings.words && settings.kind == kCommitKind)
    return Error{ErrorCode::kUsage,
                 "--words searches chunks, not commit messages: leave out --words or --kind commit",
                 ""};
  auto models = settings.words ? Result<ViewModels>(ViewModels()) : read_view_models(settings);
  if (!models) return models.error();
  auto database = DatabaseAccess::open(settings.database_url, "forkdex search");
  if (!database) return database.error();
  const auto found = answer(database->connection(), request_of(invocation, *std::move(models)));
  if (!found) return found.error();
  if (found->behind)
    warn_of_missing_vectors(*found->behind, settings.kind == kCommitKind);
  else if (!found->comparable)
    warn_of_nothing_to_compare(settings.kind == kCommitKind);
  if (found->unindexed) warn_of_missing_index();
  const auto written = write_output(settings.json ? answer_json(*found) : answer_text(*found));
  if (!written) return written.error();
  return kExitOk;
}

}  // namespace forkdex
