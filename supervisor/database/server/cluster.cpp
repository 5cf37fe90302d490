#include "supervisor/database/server/cluster.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/unique_fd.h"
#include "supervisor/database/server/cluster_template.h"
#include "supervisor/database/server/server_process.h"
#include "supervisor/database/server/worker_role.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kInitdbLimit{300};
constexpr const char* kHalfPrefix = "postgresql.new.";

/// A bulk writer's settings, written once at the end of postgresql.conf, where an administrator may
/// change them. mmap: /dev/shm is small in containers and keeps names after a kill. No replication,
/// so that an index build in its own transaction need not be logged twice.
constexpr const char* kSettings[] = {
    "shared_buffers=512MB", "max_connections=100",      "dynamic_shared_memory_type=mmap",
    "wal_level=minimal",    "max_wal_senders=0",        "max_logical_replication_workers=0",
    "max_wal_size=2GB",     "checkpoint_timeout=15min", "checkpoint_completion_target=0.9",
    "log_checkpoints=off",  "io_method=sync",           "jit=off",
    "timezone=UTC",         "log_timezone=UTC",         "cluster_name=forkdex",
};

Error unusable(const std::string& sentence, int error) {
  return system_error(
      error == ENOSPC || error == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
      sentence, error);
}

/// Replaces the content of `path`, unless it is `content`, keeping its owner and mode, and sees it
/// to disk.
Result<void> overwrite_if_other(const fs::path& path, const std::string& content) {
  std::ifstream reading(path);
  if (std::string(std::istreambuf_iterator<char>(reading), {}) == content) return {};
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW));
  if (file.valid() && write_all(file.get(), content) && ::fsync(file.get()) == 0) return {};
  return unusable(fmt::format("{} cannot be written", path.string()), errno);
}

/// Peer authentication only: the operating system says who is on the other end of the socket. Such
/// a user may come as the owner of everything, or as what workers are (worker_role.h).
Result<void> write_access_rules(const fs::path& cluster, const ServerUser& user) {
  const auto rules = overwrite_if_other(
      cluster / "pg_hba.conf",
      fmt::format("# Written by forkdex: its own user and root, over the local socket; nobody "
                  "else.\nlocal all forkdex,{} peer map=forkdex\n",
                  kWorkerRole));
  if (!rules) return rules;
  std::string map = "# Written by forkdex.\n";
  for (const char* role : {"forkdex", kWorkerRole}) {
    map += fmt::format("forkdex root {}\n", role);
    if (user.name != "root") map += fmt::format("forkdex \"{}\" {}\n", user.name, role);
  }
  return overwrite_if_other(cluster / "pg_ident.conf", map);
}

void sync_folder(const fs::path& folder) {
  const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.valid()) ::fsync(opened.get());
}

void remove_half_clusters(const fs::path& data) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(data, error))
    if (entry.path().filename().string().starts_with(kHalfPrefix))
      fs::remove_all(entry.path(), error);
}

Result<fs::path> make_half_cluster(const fs::path& data) {
  std::string name = (data / kHalfPrefix).string() + "XXXXXX";
  if (!::mkdtemp(name.data()))
    return unusable(fmt::format("no folder can be made in {}", data.string()), errno);
  return fs::path(name);
}

Result<void> give(const fs::path& folder, const ServerUser& user) {
  if (!user.differs || ::chown(folder.c_str(), user.uid, user.gid) == 0) return {};
  return unusable(fmt::format("{} cannot be given to user {}", folder.string(), user.name), errno);
}

Result<void> write_settings(const fs::path& cluster) {
  const fs::path path = cluster / "postgresql.conf";
  std::string lines = "\n# Written by forkdex; yours to change.\n";
  for (const char* setting : kSettings) lines += fmt::format("{}\n", setting);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (file.valid() && write_all(file.get(), lines)) return {};
  return unusable(fmt::format("{} cannot be written", path.string()), errno);
}

Result<void> run_initdb(const fs::path& folder, const fs::path& log, const fs::path& server,
                        const ServerUser& user) {
  const UniqueFd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output.valid()) return unusable(fmt::format("{} cannot be written", log.string()), errno);
  std::error_code error;
  const std::uintmax_t offset = fs::file_size(log, error);
  const ServerCommand command{
      server / "bin/initdb",
      {"-D", cluster_argument(folder, user), "--username=forkdex", "--encoding=UTF8", "--locale=C",
       "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=peer", "--no-instructions"},
      folder,
      output.get(),
      -1,
      true};
  auto initdb = spawn_server_process(command, user);
  if (!initdb) return initdb.error();
  const std::optional<ExitCause> ended = initdb->wait(kInitdbLimit);
  const auto* exited = ended ? std::get_if<Exited>(&*ended) : nullptr;
  if (exited && exited->status == 0) return {};
  if (!ended) {
    initdb->kill();
    initdb->reap();
  }
  const ServerLogTail tail = server_log_tail(log, offset);
  if (tail.disk_full)
    return Error{
        ErrorCode::kDiskFull,
        fmt::format("the disk of the data folder {} is full", folder.parent_path().string()),
        tail.text};
  return Error{ErrorCode::kDatabaseUnusable, "the embedded database cannot be created by initdb",
               tail.text};
}

/// The major version that `server` is of, as PG_VERSION spells it.
std::string major_version(const fs::path& server) {
  // initdb reads its catalog from here; the first line is "# PostgreSQL 18".
  std::ifstream catalog(server / "share/postgresql/postgres.bki");
  std::string line;
  std::getline(catalog, line);
  return line.substr(line.find_last_of(' ') + 1);
}

Result<void> check_version(const fs::path& cluster, const fs::path& server) {
  std::string made_by;
  std::ifstream(cluster / "PG_VERSION") >> made_by;
  const std::string ours = major_version(server);
  if (made_by == ours) return {};
  return Error{ErrorCode::kDatabaseUnusable,
               fmt::format("the embedded database was made by PostgreSQL {} and this is {}: move "
                           "it away and index again, or give --database-url",
                           made_by.empty() ? "of an unknown version" : made_by, ours),
               cluster.string()};
}

/// Makes a cluster in the empty folder `half`: a copy of the installed one, or initdb's.
Result<void> fill(const fs::path& half, const ClusterPaths& paths, const fs::path& server,
                  const ServerUser& user) {
  const auto copied = copy_cluster_template(half, major_version(server), user);
  if (!copied) return copied.error();
  if (auto given = give(half, user); !given) return given;
  if (!*copied)
    if (auto made = run_initdb(half, paths.log, server, user); !made) return made;
  if (auto written = write_settings(half); !written) return written;
  if (auto written = write_access_rules(half, user); !written) return written;
  if (sync_file_system(half)) return {};
  return unusable(fmt::format("{} cannot be written to the disk", half.string()), errno);
}

}  // namespace

ClusterPaths::ClusterPaths(const DataFolder& data)
    : cluster(data.path / "postgresql"),
      log(data.path / "postgresql.log"),
      start_lock(data.path / "postgresql.start.lock"),
      users_lock(data.path / "postgresql.users.lock"),
      server_lock(data.path / "postgresql.server.lock"),
      pinned(data.path / "postgresql.pinned"),
      socket_record(data.path / "postgresql.socket") {}

std::string cluster_argument(const fs::path& cluster, const ServerUser& user) {
  return user.differs ? "/proc/self/cwd" : cluster.string();
}

Result<void> prepare_cluster(const ClusterPaths& paths, const fs::path& server,
                             const ServerUser& user) {
  const fs::path data = paths.cluster.parent_path();
  remove_half_clusters(data);
  std::error_code error;
  if (fs::exists(paths.cluster, error)) {
    const auto fits = check_version(paths.cluster, server);
    return fits ? write_access_rules(paths.cluster, user) : fits;
  }
  if (error) return unusable(fmt::format("{} cannot be read", data.string()), error.value());
  const auto half = make_half_cluster(data);
  if (!half) return half.error();
  auto made = fill(*half, paths, server, user);
  if (made && ::rename(half->c_str(), paths.cluster.c_str()) != 0)
    made = unusable(fmt::format("{} cannot be renamed", half->string()), errno);
  if (!made) fs::remove_all(*half, error);
  sync_folder(data);
  return made;
}

ServerLogTail server_log_tail(const fs::path& log, std::uintmax_t offset) {
  constexpr std::size_t kLines = 4;
  std::ifstream file(log);
  file.seekg(static_cast<std::streamoff>(offset));
  std::deque<std::string> lines;
  ServerLogTail tail;
  for (std::string line; std::getline(file, line);) {
    // A full disk is said first, and what breaks because of it after.
    tail.disk_full = tail.disk_full || line.find("No space left on device") != std::string::npos ||
                     line.find("Disk quota exceeded") != std::string::npos;
    if (line.empty()) continue;
    lines.push_back(line);
    if (lines.size() > kLines) lines.pop_front();
  }
  for (const std::string& line : lines) tail.text += (tail.text.empty() ? "" : " | ") + line;
  if (lines.empty()) tail.text = fmt::format("nothing in {}", log.string());
  return tail;
}

}  // namespace forkdex
