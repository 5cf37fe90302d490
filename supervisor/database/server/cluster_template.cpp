#include "supervisor/database/server/cluster_template.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "supervisor/database/server/server_binaries.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

std::error_code last_error() { return {errno, std::generic_category()}; }

std::error_code give(const fs::path& path, const ServerUser& user) {
  if (!user.differs || ::lchown(path.c_str(), user.uid, user.gid) == 0) return {};
  return last_error();
}

/// Everyone may be able to read a template; a cluster's owner alone can read the copy.
std::error_code copy_entry(const fs::directory_entry& entry, const fs::path& copy,
                           const ServerUser& user) {
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (error) return error;
  const bool is_folder = status.type() == fs::file_type::directory;
  // A link might have root copy what the server's user must not read.
  if (!is_folder && status.type() != fs::file_type::regular)
    return std::make_error_code(std::errc::invalid_argument);
  if (is_folder)
    fs::create_directory(copy, error);
  else
    fs::copy_file(entry.path(), copy, error);
  const fs::perms owner = fs::perms::owner_read | fs::perms::owner_write;
  if (!error) fs::permissions(copy, is_folder ? owner | fs::perms::owner_exec : owner, error);
  return error ? error : give(copy, user);
}

std::error_code copy_all(const fs::path& from, const fs::path& target, const ServerUser& user) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(from, error), end; !error && at != end;
       at.increment(error)) {
    error = copy_entry(*at, target / at->path().lexically_relative(from), user);
    if (error) break;
  }
  return error;
}

bool is_of_version(const fs::path& cluster, const std::string& version) {
  std::string made_by;
  std::ifstream(cluster / "PG_VERSION") >> made_by;
  return !made_by.empty() && made_by == version;
}

}  // namespace

Result<bool> copy_cluster_template(const fs::path& target, const std::string& version,
                                   const ServerUser& user) {
  const std::optional<fs::path> from = installed_cluster();
  if (!from || !is_of_version(*from, version)) return false;
  const std::error_code error = copy_all(*from, target, user);
  if (!error) return true;
  if (error.value() == ENOSPC || error.value() == EDQUOT)
    return Error{
        ErrorCode::kDiskFull,
        fmt::format("the disk of the data folder {} is full", target.parent_path().string()),
        error.message()};
  std::error_code emptied;
  for (const fs::directory_entry& entry : fs::directory_iterator(target, emptied))
    fs::remove_all(entry.path(), emptied);
  if (!emptied) return false;
  return Error{ErrorCode::kDatabaseUnusable, fmt::format("{} cannot be emptied", target.string()),
               emptied.message()};
}

}  // namespace forkdex
