#include "supervisor/database/server/server_start.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "common/base/unique_fd.h"
#include "common/pg/connection.h"
#include "supervisor/database/server/server_binaries.h"
#include "supervisor/database/server/server_process.h"
#include "supervisor/database/server/server_user.h"
#include "supervisor/database/server/socket_folder.h"
#include "supervisor/installation/file_lock.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/readable.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kSilenceLimit{60};   // no server answers and none is recovering
constexpr std::chrono::minutes kRecoveryLimit{30};  // the server says that it is starting up
constexpr std::chrono::seconds kStopLimit{20};
constexpr milliseconds kPause{5};
constexpr milliseconds kLongPause{100};  // a server that recovers logs every question
// Longer than a stop may take before it is made an immediate one.
constexpr std::chrono::seconds kStuckLimit{30};
constexpr std::uintmax_t kLogLimit = 8 << 20;  // bytes; a larger log is set aside at a start
constexpr std::string_view kSocketName = ".s.PGSQL.5432";

/// What a try to connect says of the server.
enum class Answer { kServing, kBusy, kAbsent, kRefused };

/// The folder that the last start put the socket in. Recorded, because it depends on the
/// environment, and the next command's may differ.
fs::path recorded_socket_folder(const ClusterPaths& paths) {
  std::ifstream file(paths.socket_record);
  std::string line;
  std::getline(file, line);
  return line;
}

Result<void> record_socket_folder(const ClusterPaths& paths, const fs::path& folder) {
  const fs::path half = paths.socket_record.string() + ".new";
  {
    std::ofstream file(half);
    file << folder.string() << '\n';
    if (!file.flush())
      return system_error(errno == ENOSPC ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
                          fmt::format("{} cannot be written", half.string()), errno);
  }
  if (::rename(half.c_str(), paths.socket_record.c_str()) == 0) return {};
  return system_error(ErrorCode::kDatabaseUnusable,
                      fmt::format("{} cannot be written", paths.socket_record.string()), errno);
}

/// The postmaster behind the socket: the process that called listen(). 0 when it lives where we
/// cannot see it; nothing when no server listens.
std::optional<pid_t> listening_pid(const fs::path& socket_folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket_folder / kSocketName;
  if (socket_folder.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::nullopt;
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return 0;
  return peer.pid;
}

/// Whether `postmaster` has a process that recovers the cluster: PostgreSQL calls it "startup".
bool is_recovering(pid_t postmaster) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    // The name, which may hold anything, stands in brackets; state and parent follow.
    pid_t parent = 0;
    char state = 0;
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos ||
        std::sscanf(text.c_str() + name_end + 1, " %c %d", &state, &parent) != 2 ||
        parent != postmaster || state == 'Z')
      continue;
    std::ifstream title(entry.path() / "cmdline");
    std::string words;
    std::getline(title, words);
    if (words.find(" startup") != std::string::npos) return true;
  }
  return false;
}

/// Creates our database; two at once cannot meet here, under the start lock.
Result<void> create_database(const fs::path& socket_folder, const WaitLimits& limits) {
  auto connection = PgConnection::open(without_password_file(server_url(socket_folder, "postgres")),
                                       "forkdex start", nullptr, limits);
  if (!connection) return connection.error();
  const auto created = connection->run("CREATE DATABASE forkdex");
  return created ? Result<void>() : created.error();
}

/// Asks the server at `socket_folder`. On kRefused `error` says why.
Answer ask(const fs::path& socket_folder, Error& error, const WaitLimits& limits) {
  if (!listening_pid(socket_folder)) return Answer::kAbsent;
  std::string sqlstate;
  const auto connection = PgConnection::open(without_password_file(server_url(socket_folder)),
                                             "forkdex start", &sqlstate, limits);
  if (connection) return Answer::kServing;
  if (sqlstate == "57P03") return Answer::kBusy;  // starting, recovering or shutting down
  if (sqlstate.empty()) return Answer::kAbsent;   // it went away just now
  error = connection.error();
  if (sqlstate != "3D000") return Answer::kRefused;
  const auto created = create_database(socket_folder, limits);
  if (created) return Answer::kServing;
  error = created.error();
  return Answer::kRefused;
}

/// Whether the process named in postmaster.pid works in our cluster: a postmaster that somebody
/// started by hand holds no lock of ours.
bool foreign_postmaster(const fs::path& cluster) {
  std::ifstream file(cluster / "postmaster.pid");
  pid_t pid = 0;
  struct stat ours{};
  struct stat its{};
  return (file >> pid) && pid > 0 && ::stat(cluster.c_str(), &ours) == 0 &&
         ::stat(fmt::format("/proc/{}/cwd", pid).c_str(), &its) == 0 && ours.st_dev == its.st_dev &&
         ours.st_ino == its.st_ino;
}

/// Removes what a killed server left. REQUIRES that none is alive: PostgreSQL itself would be
/// misled by a process that was given the dead one's number since.
void remove_leftovers(const ClusterPaths& paths, const fs::path& socket_folder) {
  ::unlink((paths.cluster / "postmaster.pid").c_str());
  for (const char* suffix : {"", ".lock"})
    ::unlink((socket_folder / (std::string(kSocketName) + suffix)).c_str());
}

Result<UniqueFd> open_log(const fs::path& log) {
  std::error_code error;
  if (fs::file_size(log, error) > kLogLimit && !error) fs::rename(log, log.string() + ".1", error);
  UniqueFd opened(
      ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (opened.valid()) return opened;
  return system_error(errno == ENOSPC ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
                      fmt::format("{} cannot be written", log.string()), errno);
}

/// One start of the postmaster, from nothing to an answer.
class Start {
 public:
  Start(const ClusterPaths& paths, const ServerUser& user, fs::path server)
      : paths_(paths), user_(user), server_(std::move(server)) {}

  Result<std::string> run(const WaitLimits& limits);

 private:
  /// Spawns the postmaster if no process of a server is alive. Returns whether it did.
  Result<bool> try_spawn();
  /// Ends a server that has said for long that it is starting or stopping and does neither: the
  /// process that recovers it was killed, which a postmaster does not always notice.
  void end_if_stuck();
  /// Looks whether the spawned postmaster has ended: by a race with its predecessor's last
  /// processes (tried again), or for good.
  Result<void> watch();

  const ClusterPaths& paths_;
  const ServerUser& user_;
  const fs::path server_;
  fs::path socket_folder_;
  std::optional<ChildProcess> process_;
  std::uintmax_t log_offset_ = 0;
  Clock::time_point last_progress_ = Clock::now();  // of a server that is not ready
};

Result<bool> Start::try_spawn() {
  auto alive = FileLock::open(paths_.server_lock);
  if (!alive) return alive.error();
  if (!alive->try_exclusive() || foreign_postmaster(paths_.cluster)) return false;
  remove_leftovers(paths_, recorded_socket_folder(paths_));
  auto folder = make_socket_folder(paths_.cluster.parent_path(), user_);
  if (!folder) return folder.error();
  socket_folder_ = *folder;
  remove_leftovers(paths_, socket_folder_);
  if (const auto noted = record_socket_folder(paths_, socket_folder_); !noted) return noted.error();
  const auto output = open_log(paths_.log);
  if (!output) return output.error();
  std::error_code error;
  log_offset_ = fs::file_size(paths_.log, error);
  auto process = spawn_server_process({server_ / "bin/postgres",
                                       {"-D", cluster_argument(paths_.cluster, user_), "-k",
                                        socket_folder_, "-h", "", "-p", "5432"},
                                       paths_.cluster,
                                       output->get(),
                                       alive->fd(),
                                       false},
                                      user_);
  if (!process) return process.error();
  process_.emplace(*std::move(process));
  return true;
}

void Start::end_if_stuck() {
  const auto pid = listening_pid(socket_folder_);
  const Clock::time_point now = Clock::now();
  if (!pid || *pid == 0 || is_recovering(*pid)) last_progress_ = now;
  if (now - last_progress_ < kStuckLimit) return;
  last_progress_ = now;
  const UniqueFd pidfd = open_pidfd(*pid);
  // An immediate shutdown; the next start recovers. As in stop_server, the number is still its own.
  if (pidfd.valid() && listening_pid(socket_folder_) == pid) send_signal(pidfd.get(), SIGQUIT);
}

Result<void> Start::watch() {
  if (!process_->wait(kPause)) return {};
  process_.reset();
  ::rmdir(socket_folder_.c_str());  // made again by the next try, if there is one
  const ServerLogTail tail = server_log_tail(paths_.log, log_offset_);
  const bool raced = tail.text.find("pre-existing shared memory") != std::string::npos ||
                     tail.text.find("lock file") != std::string::npos;
  if (raced) return {};
  if (tail.disk_full)
    return Error{ErrorCode::kDiskFull,
                 fmt::format("the disk of the data folder {} is full",
                             paths_.cluster.parent_path().string()),
                 tail.text};
  return Error{ErrorCode::kDatabaseUnusable, "the embedded PostgreSQL does not start", tail.text};
}

Result<std::string> Start::run(const WaitLimits& limits) {
  socket_folder_ = recorded_socket_folder(paths_);
  const Clock::time_point begun = Clock::now();
  Clock::time_point last_sign = begun;
  Error refused;
  while (Clock::now() - last_sign < kSilenceLimit && Clock::now() - begun < kRecoveryLimit &&
         limits.allows_waiting()) {
    const Answer answer = ask(socket_folder_, refused, limits);
    if (answer == Answer::kServing) return server_url(socket_folder_);
    if (answer == Answer::kRefused) return refused;
    if (answer == Answer::kBusy) {
      last_sign = Clock::now();
      end_if_stuck();
      if (last_sign - begun > kLongPause) std::this_thread::sleep_for(kLongPause);
    }
    if (process_) {
      if (const auto seen = watch(); !seen) return seen.error();
      continue;
    }
    if (answer == Answer::kAbsent) {
      const auto spawned = try_spawn();
      if (!spawned) return spawned.error();
      if (*spawned) continue;
    }
    std::this_thread::sleep_for(kPause);
  }
  return Error{ErrorCode::kDatabaseUnusable,
               "the embedded PostgreSQL does not answer, and processes of it are still alive: see "
               "its log, end them, and run again",
               paths_.log.string()};
}

}  // namespace

std::string server_url(const fs::path& socket_folder, const std::string& database,
                       const std::string& role) {
  std::string host;
  for (const char c : socket_folder.string()) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.';
    host += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("postgresql://{}@/{}?host={}&port=5432", role, database, host);
}

std::string without_password_file(const std::string& url) {
  return url.empty() ? url : url + "&passfile=/dev/null/none";  // can never exist
}

std::string recorded_url(const ClusterPaths& paths, const std::string& role) {
  const fs::path folder = recorded_socket_folder(paths);
  return folder.empty() ? std::string() : server_url(folder, "forkdex", role);
}

bool server_listens(const ClusterPaths& paths) {
  return listening_pid(recorded_socket_folder(paths)).has_value();
}

Result<std::string> ensure_server(const DataFolder& data, const ClusterPaths& paths,
                                  const WaitLimits& limits) {
  // The common case first: a server runs, and nothing need be found or checked to use it.
  const fs::path recorded = recorded_socket_folder(paths);
  Error refused;
  if (ask(recorded, refused, limits) == Answer::kServing) return server_url(recorded);
  const auto user = ServerUser::find();
  if (!user) return user.error();
  const auto server = find_server_binaries(data, *user);
  if (!server) return server.error();
  if (const auto prepared = prepare_cluster(paths, *server, *user); !prepared)
    return prepared.error();
  return Start(paths, *user, *server).run(limits);
}

Result<void> stop_server(const ClusterPaths& paths) {
  const fs::path socket_folder = recorded_socket_folder(paths);
  const std::optional<pid_t> pid = listening_pid(socket_folder);
  if (!pid) return {};
  const UniqueFd pidfd = open_pidfd(*pid);
  // A second look: the number cannot have been given to another process while this one listens.
  if (!pidfd.valid() || listening_pid(socket_folder) != pid)
    return Error{ErrorCode::kDatabaseUnusable,
                 "the embedded database's server belongs to another container: stop it there",
                 paths.cluster.string()};
  send_signal(pidfd.get(), SIGINT);
  // A fast shutdown writes a checkpoint, which a full disk can keep from ending. An immediate one
  // writes nothing; the next start recovers.
  bool ended = wait_readable(pidfd.get(), kStopLimit);
  if (!ended) {
    send_signal(pidfd.get(), SIGQUIT);
    ended = wait_readable(pidfd.get(), kStopLimit);
  }
  if (!ended)
    return Error{ErrorCode::kDatabaseUnusable, "the embedded PostgreSQL does not stop",
                 fmt::format("pid {}, {}", *pid, paths.log.string())};
  ::waitpid(*pid, nullptr, WNOHANG);  // ours if we started it
  ::rmdir(socket_folder.c_str());
  return {};
}

}  // namespace forkdex
