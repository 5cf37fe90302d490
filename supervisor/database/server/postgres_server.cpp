#include "supervisor/database/server/postgres_server.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "supervisor/database/server/server_start.h"
#include "supervisor/database/server/worker_role.h"
#include "supervisor/installation/program_name.h"

namespace forkdex {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{20};
constexpr std::chrono::seconds kMostWaitToStop{5};

/// Waits for other commands that start or stop the server: seconds, longer while it recovers.
Result<FileLock> hold_start_lock(const ClusterPaths& paths, const WaitLimits& limits = {}) {
  auto lock = FileLock::open(paths.start_lock);
  if (!lock) return lock;
  while (!lock->try_exclusive()) {
    if (!limits.allows_waiting())
      return Error{ErrorCode::kDatabaseUnreachable,
                   "another command is starting or stopping the embedded database",
                   paths.start_lock.string()};
    std::this_thread::sleep_for(kBetweenTries);
  }
  return lock;
}

bool is_pinned(const ClusterPaths& paths) {
  std::error_code error;
  return std::filesystem::exists(paths.pinned, error);
}

}  // namespace

Result<PostgresServer> PostgresServer::open(const DataFolder& data, const WaitLimits& limits) {
  const ClusterPaths paths(data);
  auto starting = hold_start_lock(paths, limits);
  if (!starting) return starting.error();
  auto users = FileLock::open(paths.users_lock);
  if (!users) return users.error();
  // Under the start lock nobody holds it exclusively, so this does not wait.
  users->lock_shared();
  PostgresServer server(data, paths, std::move(*users));
  auto url = ensure_server(data, paths, limits);
  // Let go before `server`, which takes the lock itself to stop what may have been started.
  {
    const FileLock released = *std::move(starting);
  }
  if (!url) return url.error();
  server.url_ = std::move(*url);
  return server;
}

Result<void> PostgresServer::ensure_running(const WaitLimits& limits) {
  const auto starting = hold_start_lock(paths_, limits);
  if (!starting) return starting.error();
  auto url = ensure_server(data_, paths_, limits);
  if (!url) return url.error();
  url_ = std::move(*url);
  return {};
}

std::string PostgresServer::conninfo() const { return without_password_file(url_); }

std::string PostgresServer::worker_conninfo() const {
  return without_password_file(recorded_url(paths_, kWorkerRole));
}

PostgresServer::~PostgresServer() {
  if (!users_.valid()) return;  // moved from
  // Who holds the lock for longer may itself be stopped. The next command will stop the server.
  const auto deadline = std::chrono::steady_clock::now() + kMostWaitToStop;
  const auto stopping = hold_start_lock(
      paths_, {{}, [deadline] { return std::chrono::steady_clock::now() < deadline; }});
  if (!stopping || !users_.try_exclusive() || is_pinned(paths_)) return;
  // A server that does not stop is adopted by the next command, and there is nobody to tell.
  [[maybe_unused]] const auto stopped = stop_server(paths_);
}

Result<std::string> PostgresServer::pin(const DataFolder& data) {
  auto server = open(data);
  if (!server) return server.error();
  const ClusterPaths paths(data);
  const UniqueFd mark(::open(paths.pinned.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!mark.valid())
    return system_error(ErrorCode::kDatabaseUnusable,
                        fmt::format("{} cannot be written", paths.pinned.string()), errno);
  return server->url_;
}

Result<PostgresServer::Unpinned> PostgresServer::unpin(const DataFolder& data) {
  const ClusterPaths paths(data);
  const auto stopping = hold_start_lock(paths);
  if (!stopping) return stopping.error();
  std::error_code error;
  std::filesystem::remove(paths.pinned, error);
  auto users = FileLock::open(paths.users_lock);
  if (!users) return users.error();
  if (!users->try_exclusive()) return Unpinned::kStillInUse;
  if (!server_listens(paths)) return Unpinned::kNotRunning;
  if (const auto stopped = stop_server(paths); !stopped) return stopped.error();
  return Unpinned::kStopped;
}

Result<std::string> PostgresServer::running_url(const DataFolder& data) {
  const ClusterPaths paths(data);
  if (server_listens(paths)) return recorded_url(paths);
  return Error{
      ErrorCode::kDatabaseUnreachable,
      fmt::format("the embedded database is not running: {} database start keeps it running",
                  program_name()),
      data.path.string()};
}

}  // namespace forkdex
