#pragma once

// The one way a child is started (but for clones of the fork server): in a session of its own, so
// that a signal of the terminal's meant for us does not reach it, and with no descriptor of ours
// but those that its ChildSpec names.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/protocol/child_limits.h"
#include "supervisor/process/child_process.h"

namespace forkdex {

/// A descriptor that the child keeps open. Owns nothing.
struct KeptFd {
  int fd;      ///< ours
  int number;  ///< the child's; may be the same
};

/// Who a child becomes.
struct ChildUser {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;

  /// Makes the calling process this user, for good; false with errno. SIGNAL-SAFE.
  bool become() const;
};

/// What a child is to be.
struct ChildSpec {
  std::string program;                   ///< its path, which is its first argument too
  std::vector<std::string> arguments;    ///< those that follow
  std::vector<std::string> environment;  ///< all of it, each NAME=value
  std::filesystem::path working_folder;  ///< entered before the change of user; empty for ours
  int output = -1;                       ///< its standard output; -1 for /dev/null
  int errors = -1;                       ///< its standard error; -1 for /dev/null
  std::vector<KeptFd> kept;              ///< beside those; no two of one number, none below 3
  int death_signal = 0;                  ///< sent to it when our thread ends; 0: it outlives us
  ChildLimits limits;
  std::optional<ChildUser> user;     ///< nothing for ours
  std::optional<mode_t> umask;       ///< nothing for ours
  std::vector<int> default_signals;  ///< neither blocked nor ignored in it, though they are in us
  ChildProcess::Reach reach = ChildProcess::Reach::kChild;
};

/// Starts the child that `spec` describes; its standard input is /dev/null. GIVES it. BLOCKS until
/// the program runs. ERRORS kBug: the sentence names the step that failed, the context says why.
/// THREAD one that lives as long as the child should, where there is a death signal.
Result<ChildProcess> spawn(const ChildSpec& spec);

/// Our environment without the variables `withheld`, followed by the entries `given`. A variable
/// that is given and not withheld has our value, where we have one.
std::vector<std::string> our_environment(std::span<const std::string_view> withheld,
                                         std::span<const std::string_view> given);

}  // namespace forkdex
