#include "supervisor/commands/status.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/terminal_text.h"
#include "common/pg/advisory_lock.h"
#include "supervisor/database/access.h"
#include "supervisor/installation/program_name.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

// Adds the repositories that a run works on now: its claim is a lock of its session, there exactly
// as long as it lives.
Result<void> add_claimed(PgConnection& connection, std::set<std::int64_t>& claimed) {
  const Result<PgRows> rows = connection.run(
      fmt::format("SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
                  " AND classid = {} AND database = (SELECT oid FROM pg_database"
                  " WHERE datname = current_database())",
                  kRepositoryClaim));
  if (!rows) return rows.error();
  for (int row = 0; row < rows->size(); ++row) claimed.insert(rows->integer(row, 0));
  return {};
}

/// What runs have noted, with what they do not note. A run that was killed among its files has left
/// no count.
Result<void> add_text_counts(PgConnection& connection, RepositoryStatus& status) {
  // A run of an older forkdex has not said for which models it was.
  if (status.model_ids.code == 0 && status.model_ids.text == 0) {
    status.texts.reset();
    return {};
  }
  TextScope scope;
  scope.repository_id = status.id;
  scope.model_ids = status.model_ids;
  scope.message_model_id =
      status.model_ids.text != 0 ? status.model_ids.text : status.model_ids.code;
  if (!status.texts) {
    const auto counts = count_texts(connection, scope);
    if (!counts) return counts.error();
    status.texts = *counts;
    return {};
  }
  const auto refused = count_refused_texts(connection, scope);
  if (!refused) return refused.error();
  status.texts->refused = *refused;
  return {};
}

/// "349 of 350 embedded, 1 refused"
std::string texts_line(const TextCounts& texts) {
  const std::uint64_t without = std::min(texts.total, texts.missing + texts.refused);
  std::string line = fmt::format("{} of {} embedded", texts.total - without, texts.total);
  if (texts.refused > 0) line += fmt::format(", {} refused", texts.refused);
  return line;
}

std::int64_t total_of(const RepositoryStatus& status) {
  std::int64_t total = 0;
  for (const auto& [state, files] : status.files) total += files;
  return total;
}

std::string files_line(const RepositoryStatus& status) {
  std::string line = fmt::format("{} total", total_of(status));
  for (const auto& [state, files] : status.files)
    if (files > 0) line += fmt::format(", {} {}", files, state);
  return line;
}

std::string run_line(const RepositoryStatus& status) {
  if (status.run_status.empty()) return "none";
  if (status.run_finished_at.empty())
    return fmt::format("{}, started {}", status.run_status, status.run_started_at);
  return fmt::format("{}, ended {}", status.run_status, status.run_finished_at);
}

std::string status_text(const RepositoryStatus& status) {
  std::string text = printable(status.name) + '\n';
  const auto add = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += fmt::format("  {:<10}{}\n", label, printable(value));
  };
  add("root", status.root);
  add("remote", status.remote);
  add("head", status.head);
  add("files", files_line(status));
  add("chunks", std::to_string(status.chunks));
  if (status.texts) add("texts", texts_line(*status.texts));
  add("last run", run_line(status));
  return text;
}

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json texts_json(const std::optional<TextCounts>& texts) {
  if (!texts) return nullptr;
  return {{"total", texts->total}, {"missing", texts->missing}, {"refused", texts->refused}};
}

Json status_json(const RepositoryStatus& status) {
  Json files = {{"total", total_of(status)}};
  for (const auto& [state, count] : status.files) files[state] = count;
  Json run = nullptr;
  if (!status.run_status.empty())
    run = {{"status", status.run_status},
           {"started_at", text_or_null(status.run_started_at)},
           {"finished_at", text_or_null(status.run_finished_at)}};
  return {{"name", status.name},
          {"root", status.root},
          {"remote", text_or_null(status.remote)},
          {"head", text_or_null(status.head)},
          {"indexed_at", text_or_null(status.indexed_at)},
          {"files", std::move(files)},
          {"chunks", status.chunks},
          {"texts", texts_json(status.texts)},
          {"last_run", std::move(run)}};
}

}  // namespace

Result<std::vector<RepositoryStatus>> repository_statuses(PgConnection& connection,
                                                          const std::string& name) {
  if (!name.empty())
    if (const auto known = repository_id(connection, name); !known) return known.error();
  // Looked at before and after, so that neither a run that begins nor one that ends in between
  // seems to have died.
  std::set<std::int64_t> claimed;
  if (const auto added = add_claimed(connection, claimed); !added) return added.error();
  auto statuses = list_repositories(connection, name);
  if (!statuses) return statuses;
  if (const auto added = add_claimed(connection, claimed); !added) return added.error();
  for (RepositoryStatus& status : *statuses)
    if (status.run_status == "running" && !claimed.contains(status.id))
      status.run_status = "interrupted";
  for (RepositoryStatus& status : *statuses)
    if (auto counted = add_text_counts(connection, status); !counted) return counted.error();
  return statuses;
}

std::string statuses_text(const std::vector<RepositoryStatus>& statuses) {
  if (statuses.empty())
    return fmt::format("no repository is indexed yet: {} PATH\n", program_name());
  std::string text;
  for (const RepositoryStatus& status : statuses) text += status_text(status);
  return text;
}

std::string statuses_json(const std::vector<RepositoryStatus>& statuses) {
  Json list = Json::array();
  for (const RepositoryStatus& status : statuses) list.push_back(status_json(status));
  const Json answer = {{"repositories", std::move(list)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<int> run_status(const Invocation& invocation) {
  auto database = DatabaseAccess::open(invocation.settings.database_url, "forkdex query");
  if (!database) return database.error();
  const std::string name = invocation.arguments.empty() ? "" : invocation.arguments.front();
  const auto statuses = repository_statuses(database->connection(), name);
  if (!statuses) return statuses.error();
  const auto written =
      write_output(invocation.settings.json ? statuses_json(*statuses) : statuses_text(*statuses));
  if (!written) return written.error();
  return kExitOk;
}

}  // namespace forkdex
