#include "supervisor/database/server/server_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace forkdex {
namespace {

std::vector<gid_t> groups_of(const char* name, gid_t gid) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(name, gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(name, gid, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Result<ServerUser> ServerUser::find() {
  const bool root = ::geteuid() == 0;
  const passwd* entry = root ? ::getpwnam("forkdex") : ::getpwuid(::geteuid());
  if (!entry && root)
    return Error{ErrorCode::kDatabaseUnusable,
                 "PostgreSQL refuses to run as root, and the system user forkdex that runs it for "
                 "root does not exist: run deploy/setup, or give --database-url",
                 ""};
  if (!entry)
    return Error{
        ErrorCode::kDatabaseUnusable,
        fmt::format("user id {} has no passwd entry, and PostgreSQL's initdb refuses such a user: "
                    "add one, or give --database-url",
                    ::geteuid()),
        ""};
  ServerUser user{entry->pw_uid, entry->pw_gid, entry->pw_name, {}, root};
  if (root) user.groups = groups_of(user.name.c_str(), user.gid);
  return user;
}

std::optional<ChildUser> ServerUser::for_child() const {
  if (!differs) return std::nullopt;
  return ChildUser{uid, gid, groups};
}

bool ServerUser::may(const std::filesystem::path& path, int mode) const {
  const std::optional<ChildUser> user = for_child();
  if (!user) return ::access(path.c_str(), mode) == 0;
  const char* text = path.c_str();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(user->become() && ::access(text, mode) == 0 ? 0 : 1);
  if (child < 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace forkdex
