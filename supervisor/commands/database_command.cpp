#include "supervisor/commands/database_command.h"

#include "supervisor/database/server/postgres_server.h"
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

/// What is to be printed for `verb`.
Result<std::string> carry_out(const std::string& verb) {
  const auto data = DataFolder::open();
  if (!data) return data.error();
  if (verb == "stop") return stop(*data);
  auto url = verb == "start" ? PostgresServer::pin(*data) : PostgresServer::running_url(*data);
  if (!url) return url.error();
  return *url + "\n";
}

}  // namespace

Result<int> run_database(const Invocation& invocation) {
  const auto said = carry_out(invocation.arguments.front());
  if (!said) return said.error();
  if (auto written = write_output(*said); !written) return written.error();
  return kExitOk;
}

}  // namespace forkdex
