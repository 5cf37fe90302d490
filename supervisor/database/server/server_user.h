#pragma once

// Who runs the embedded PostgreSQL: the caller, or, because PostgreSQL refuses root, the system
// user forkdex on root's behalf.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "supervisor/process/spawn.h"

namespace forkdex {

struct ServerUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::vector<gid_t> groups;
  bool differs = false;  ///< from the caller: a child must switch to it before exec

  /// ERRORS kDatabaseUnusable: root without a user forkdex; a uid without a passwd entry, which
  /// initdb refuses.
  static Result<ServerUser> find();

  /// Whether this user can reach `path` and access(2) it in `mode`. Forks when `differs`.
  bool may(const std::filesystem::path& path, int mode) const;

  /// Whom a child becomes to be this user; nothing where the caller is it.
  std::optional<ChildUser> for_child() const;
};

}  // namespace forkdex
