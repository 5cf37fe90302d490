#include "supervisor/database/server/socket_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/hash.h"
#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSocketPath = 107;
constexpr std::string_view kSocketName = "/.s.PGSQL.5432";
// The lock beside the socket has a longer name, but is no socket.

std::vector<fs::path> candidates(const fs::path& data, const ServerUser& user) {
  const std::string id = hex(sha256(data.string())).substr(0, 12);
  std::vector<fs::path> found;
  if (user.differs) found.push_back(fs::path("/run/forkdex") / id);
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (!user.differs && runtime && *runtime == '/')
    found.push_back(fs::path(runtime) / "forkdex" / id);
  const std::string own = fmt::format("forkdex-{}-{}", user.uid, id);
  const char* temporary = std::getenv("TMPDIR");
  if (temporary && *temporary == '/') found.push_back(fs::path(temporary) / own);
  found.push_back(fs::path("/tmp") / own);
  return found;
}

/// Makes `folder` 0700 and the user's. One that exists must already be both: it may be a trap laid
/// in a folder where everyone can write.
bool make_private(const fs::path& folder, const ServerUser& user) {
  const bool made = ::mkdir(folder.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return false;
  const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!opened.valid() || ::fstat(opened.get(), &status) != 0) return false;
  if (status.st_uid == user.uid) return (status.st_mode & 0777) == 0700;
  return made && user.differs && ::fchown(opened.get(), user.uid, user.gid) == 0;
}

/// Makes the folder above, for everyone to pass through (a private one of the user's is left so).
bool make_parent(const fs::path& parent) {
  if (::mkdir(parent.c_str(), 0711) == 0) return ::chmod(parent.c_str(), 0711) == 0;
  return errno == EEXIST;
}

}  // namespace

Result<fs::path> make_socket_folder(const fs::path& data, const ServerUser& user) {
  for (const fs::path& folder : candidates(data, user)) {
    if (folder.string().size() + kSocketName.size() > kMaxSocketPath) continue;
    if (!make_parent(folder.parent_path()) || !make_private(folder, user)) continue;
    if (user.may(folder, R_OK | W_OK | X_OK)) return folder;
    ::rmdir(folder.c_str());
  }
  return Error{ErrorCode::kDatabaseUnusable,
               "no private folder can be made for the database's socket: make XDG_RUNTIME_DIR or "
               "the temporary folder writable, or give --database-url",
               ""};
}

}  // namespace forkdex
