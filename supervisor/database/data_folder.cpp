#include "supervisor/database/data_folder.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRootsFolder = "/var/lib/forkdex";

/// An absolute path in the environment; XDG says to ignore a relative one.
fs::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value == '/' ? fs::path(value) : fs::path();
}

fs::path home_folder() {
  const fs::path home = from_environment("HOME");
  if (!home.empty()) return home;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry && entry->pw_dir && *entry->pw_dir == '/' ? fs::path(entry->pw_dir) : fs::path();
}

Error cannot_create(const fs::path& path, int error) {
  const ErrorCode code =
      error == ENOSPC || error == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable;
  return system_error(code, fmt::format("the data folder {} cannot be created", path.string()),
                      error);
}

/// mkdir -p, except that what exists is left as it is.
Result<void> create(const fs::path& path, mode_t mode) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return cannot_create(path, error.value());
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return cannot_create(path, errno);  // whatever the umask
    return {};
  }
  if (errno != EEXIST) return cannot_create(path, errno);
  return {};
}

}  // namespace

Result<DataFolder> DataFolder::open() {
  const bool root = ::geteuid() == 0;
  fs::path path = from_environment("XDG_DATA_HOME");
  const bool named = !path.empty();
  if (named) {
    path /= "forkdex";
  } else if (root) {
    path = kRootsFolder;
  } else {
    const fs::path home = home_folder();
    if (home.empty())
      return Error{ErrorCode::kDatabaseUnusable,
                   "there is no home folder for the embedded database: set XDG_DATA_HOME or give "
                   "--database-url",
                   ""};
    path = home / ".local/share/forkdex";
  }
  // Root's folder is entered by the user that runs the server; nobody but its owner enters others.
  if (const auto created = create(path, root ? 0755 : 0700); !created) return created.error();
  if (root && !named) {
    if (const passwd* owner = ::getpwnam("forkdex"))
      if (::chown(path.c_str(), owner->pw_uid, owner->pw_gid) != 0)
        return cannot_create(path, errno);
  }
  std::error_code error;
  DataFolder folder{fs::canonical(path, error)};
  if (error) return cannot_create(path, error.value());
  if (::access(folder.path.c_str(), W_OK | X_OK) != 0) return cannot_create(path, errno);
  return folder;
}

}  // namespace forkdex
