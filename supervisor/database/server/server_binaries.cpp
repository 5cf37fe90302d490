#include "supervisor/database/server/server_binaries.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "common/base/hash.h"
#include "common/base/io.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsersHome = "/var/lib/forkdex";

/// Where a part of the installation may stand: in a build's deps folder, in a package.
std::array<fs::path, 3> places_of(const char* part) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {program / "../../deps" / part, program / ".." / part,
          fs::path("/usr/lib/forkdex") / part};
}

/// The first of them that has `file`.
std::optional<fs::path> installed(const char* part, const char* file) {
  std::error_code error;
  for (const fs::path& place : places_of(part)) {
    const fs::path found = fs::canonical(place, error);
    if (!error && fs::exists(found / file, error)) return found;
  }
  return std::nullopt;
}

bool runnable(const fs::path& server, const ServerUser& user) {
  return user.may(server / "bin/postgres", R_OK | X_OK) &&
         user.may(server / "share/postgresql/postgres.bki", R_OK);
}

/// Changes with the installed server's version: names its copy.
std::string stamp(const fs::path& server) {
  struct stat status{};
  ::stat((server / "bin/postgres").c_str(), &status);
  const std::string text =
      fmt::format("{} {}.{}", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  return hex(sha256(text)).substr(0, 12);
}

/// Lets everyone read a copy that the umask, or the original's mode, has closed.
void open_to_all(const fs::path& tree) {
  using fs::perms;
  std::error_code error;
  fs::permissions(tree, perms::others_read | perms::others_exec, fs::perm_options::add, error);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree, error)) {
    if (entry.is_symlink(error)) continue;
    const bool enter = (entry.status(error).permissions() & perms::owner_exec) != perms::none;
    fs::permissions(entry.path(), perms::others_read | (enter ? perms::others_exec : perms::none),
                    fs::perm_options::add, error);
  }
}

/// Copies what a server needs at run time. Programs find libraries by a path relative to
/// themselves (the wheel's `<package>.libs` beside its package), so that tree is kept.
std::error_code copy_tree(const fs::path& server, const fs::path& target) {
  const fs::path package = server.parent_path();
  const fs::path copied = target / package.filename() / server.filename();
  const auto options = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
  std::error_code error;
  fs::create_directories(copied, error);
  for (const char* part : {"bin", "lib", "share"})
    if (!error) fs::copy(server / part, copied / part, options, error);
  const fs::path libraries = package.string() + ".libs";
  std::error_code absent;
  if (!error && fs::exists(libraries, absent))
    fs::copy(libraries, target / libraries.filename(), options, error);
  return error;
}

Error cannot_copy(const fs::path& target, const std::error_code& error) {
  const bool full = error.value() == ENOSPC || error.value() == EDQUOT;
  return {full ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
          fmt::format("PostgreSQL's programs cannot be copied to {}", target.string()),
          error.message()};
}

Result<fs::path> copy_once(const fs::path& server, const fs::path& folder) {
  const fs::path target = folder / ("server-" + stamp(server));
  const fs::path copied = target / server.parent_path().filename() / server.filename();
  std::error_code error;
  if (fs::exists(target, error)) return copied;
  const fs::path half = target.string() + ".new";
  fs::remove_all(half, error);
  error = copy_tree(server, half);
  if (error) {
    std::error_code ignored;
    fs::remove_all(half, ignored);
    return cannot_copy(target, error);
  }
  open_to_all(half);
  if (sync_file_system(half))
    fs::rename(half, target, error);
  else
    error = std::error_code(errno, std::generic_category());
  if (error) return cannot_copy(target, error);
  return copied;
}

}  // namespace

std::optional<fs::path> installed_cluster() { return installed("cluster", "PG_VERSION"); }

Result<fs::path> find_server_binaries(const DataFolder& data, const ServerUser& user) {
  const auto server = installed("postgresql", "bin/postgres");
  if (!server)
    return Error{
        ErrorCode::kDatabaseUnusable,
        "the embedded PostgreSQL is not installed: run deploy/setup, or give --database-url",
        fmt::format("looked in {}", places_of("postgresql").front().lexically_normal().string())};
  if (runnable(*server, user)) return *server;
  for (const fs::path& folder : {data.path, fs::path(kUsersHome)}) {
    std::error_code error;
    if (user.differs && folder == kUsersHome && ::mkdir(kUsersHome, 0755) == 0)
      if (::chown(kUsersHome, user.uid, user.gid) != 0) continue;
    if (!user.may(folder, X_OK)) continue;
    const auto copied = copy_once(*server, folder);
    if (!copied) return copied.error();
    if (runnable(*copied, user)) return *copied;
  }
  return Error{ErrorCode::kDatabaseUnusable,
               fmt::format("user {} may run PostgreSQL neither where it is installed nor in the "
                           "data folder: open one of them to that user, or give --database-url",
                           user.name),
               fmt::format("{}, {}", server->string(), data.path.string())};
}

}  // namespace forkdex
