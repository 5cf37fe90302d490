#include "supervisor/installation/data_folder.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "supervisor/installation/locations.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

Error cannot_have(const fs::path& path, int error) {
  const ErrorCode code =
      error == ENOSPC || error == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable;
  // It may exist and be another user's; from outside that looks the same.
  const bool denied = error == EACCES || error == EPERM;
  return system_error(code,
                      fmt::format("the data folder {} cannot be {}", path.string(),
                                  denied ? "used by this user; set XDG_DATA_HOME to a folder that "
                                           "this user may write"
                                         : "created"),
                      error);
}

/// mkdir -p, except that what exists is left as it is.
Result<void> create(const fs::path& path, mode_t mode) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return cannot_have(path, error.value());
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return cannot_have(path, errno);  // whatever the umask
    return {};
  }
  if (errno != EEXIST) return cannot_have(path, errno);
  return {};
}

}  // namespace

Result<DataFolder> DataFolder::open() {
  auto found = data_folder();
  if (!found) return found.error();
  const fs::path path = *std::move(found);
  const bool root = ::geteuid() == 0;
  // Root's folder is entered by the user that runs the server; nobody but its owner enters others.
  if (const auto created = create(path, root ? 0755 : 0700); !created) return created.error();
  if (root && path == kRootDataFolder) {
    if (const passwd* owner = ::getpwnam("forkdex"))
      if (::chown(path.c_str(), owner->pw_uid, owner->pw_gid) != 0) return cannot_have(path, errno);
  }
  std::error_code error;
  DataFolder folder{fs::canonical(path, error)};
  if (error) return cannot_have(path, error.value());
  if (::access(folder.path.c_str(), W_OK | X_OK) != 0) return cannot_have(path, errno);
  return folder;
}

}  // namespace forkdex
