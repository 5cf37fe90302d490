#pragma once

// One process of PostgreSQL's (initdb or the postmaster). Killed in the middle, we leave a
// postmaster running (the next command adopts it) and no initdb.

#include <filesystem>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"
#include "supervisor/process/child_process.h"

namespace forkdex {

struct ServerCommand {
  std::filesystem::path program;         ///< absolute
  std::vector<std::string> arguments;    ///< that follow it
  std::filesystem::path working_folder;  ///< entered before the change of user
  int output = -1;                       ///< becomes stdout and stderr
  int kept = -1;                         ///< a descriptor the process keeps open for life; or -1
  bool dies_with_us = false;             ///< and with the ChildProcess; otherwise it outlives both
};

/// Starts `command` as `user` with a clean environment and every other descriptor closed.
/// ERRORS kDatabaseUnusable, naming the step that failed.
Result<ChildProcess> spawn_server_process(const ServerCommand& command, const ServerUser& user);

}  // namespace forkdex
