#include "supervisor/commands/database_command.h"

#include <csignal>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/terminal_text.h"
#include "common/pg/retry.h"
#include "supervisor/commands/signal_count.h"
#include "supervisor/database/access.h"
#include "supervisor/database/server/postgres_server.h"
#include "supervisor/database/vector_index.h"
#include "supervisor/installation/data_folder.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

Result<std::string> stop(const DataFolder& data) {
  const auto stopped = PostgresServer::unpin(data);
  if (!stopped) return stopped.error();
  switch (*stopped) {
    case PostgresServer::Unpinned::kStopped:
      return std::string("stopped\n");
    case PostgresServer::Unpinned::kNotRunning:
      return std::string("not running\n");
    case PostgresServer::Unpinned::kStillInUse:
      break;
  }
  return std::string("still in use: it stops when the last command that uses it ends\n");
}

/// Starts or stops the embedded server, or looks for it: what is to be printed.
Result<std::string> see_to_server(const std::string& verb) {
  const auto data = DataFolder::open();
  if (!data) return data.error();
  if (verb == kDatabaseStop) return stop(*data);
  auto url =
      verb == kDatabaseStart ? PostgresServer::pin(*data) : PostgresServer::running_url(*data);
  if (!url) return url.error();
  return *url + "\n";
}

Result<void> index_vectors_of(PgConnection& connection, const UnindexedModel& model) {
  const std::string what = fmt::format("{} vectors of {}", model.vectors, printable(model.name));
  if (auto said = write_output(fmt::format("indexing {}\n", what)); !said) return said;
  const auto seconds = retried(connection, [&] { return build_vector_index(connection, model); });
  if (!seconds) return seconds.error();
  if (*seconds) return write_output(fmt::format("indexed {} in {:.1f} s\n", what, **seconds));
  return Error{ErrorCode::kClaimHeld,
               "another process is building a vector index of this database: run again when it is "
               "done, for what it leaves",
               ""};
}

/// A signal cancels the statement that builds. No search uses the half-built index, and the next
/// build replaces it.
Result<void> index_vectors(const Settings& settings) {
  const auto allowed = [] { return signals_seen() == 0; };
  auto database = DatabaseAccess::open(settings.database_url, "forkdex index build", {{}, allowed});
  if (!database) return database.error();
  PgConnection& connection = database->connection();
  const auto models =
      retried(connection, [&] { return unindexed_models(connection, kIndexedFrom); });
  if (!models) return models.error();
  if (models->empty())
    return write_output(
        fmt::format("nothing to index: an index pays from {} vectors of a model on, and every "
                    "model that has so "
                    "many has its index\n",
                    kIndexedFrom));
  for (const UnindexedModel& model : *models)
    if (auto done = index_vectors_of(connection, model); !done) return done;
  return {};
}

/// For count_signal, which needs a handler to pass signals on to.
void ignore(int) {}

}  // namespace

Result<int> run_database(const Invocation& invocation) {
  const std::string& verb = invocation.arguments.front();
  if (verb != kDatabaseIndex) {
    const auto said = see_to_server(verb);
    if (!said) return said.error();
    if (auto written = write_output(*said); !written) return written.error();
    return kExitOk;
  }
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, ignore);
    count_signal(signal);
  }
  const auto indexed = index_vectors(invocation.settings);
  if (last_signal() != 0) return end_by(last_signal());
  if (!indexed) return indexed.error();
  return kExitOk;
}

}  // namespace forkdex
