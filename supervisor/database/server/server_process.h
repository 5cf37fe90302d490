#pragma once

// One process of PostgreSQL's (initdb or the postmaster), in a session of its own, so that Ctrl-C
// meant for us does not stop it. Killed in the middle, we leave a postmaster running (the next
// command adopts it) and no initdb.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"

namespace forkdex {

class ServerProcess {
 public:
  struct Command {
    std::vector<std::string> argv;         ///< argv[0] is the program's absolute path
    std::filesystem::path working_folder;  ///< entered before the change of user
    int output = -1;                       ///< becomes stdout and stderr
    int kept = -1;                         ///< a descriptor the process keeps open for life; or -1
    bool dies_with_us = false;
  };

  /// Starts `command` as `user` with a clean environment and every other descriptor closed.
  /// ERRORS kDatabaseUnusable, naming the step that failed.
  static Result<ServerProcess> spawn(const Command& command, const ServerUser& user);

  /// Waits for the exit. Returns wait(2)'s status, or nothing once `timeout` has passed.
  std::optional<int> wait(std::chrono::milliseconds timeout);

  /// Sends KILL and reaps. For an initdb that hangs.
  void kill();

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

/// pidfd_open(2): a descriptor that turns readable when `pid` exits; invalid when there is none.
UniqueFd open_pidfd(pid_t pid);

/// Waits until `pidfd` turns readable. Returns whether it did within `timeout`.
bool wait_readable(int fd, std::chrono::milliseconds timeout);

}  // namespace forkdex
