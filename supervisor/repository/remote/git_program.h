#pragma once

// The git program, for what libgit2 is not asked to do: talking to other machines with git's own
// credential helpers and ssh's configuration. It runs in a session of its own, without a terminal,
// so that it never asks anybody anything and Ctrl-C is ours to pass on; it is told to end when we
// die.

#include <functional>
#include <string>
#include <vector>

#include "common/error/result.h"

namespace forkdex {

struct GitCommand {
  std::vector<std::string> arguments;  ///< behind `git`; none of them secret
  /// More configuration, in git's own format, that only git and its children can read: it stands in
  /// neither arguments nor environment nor on a disk.
  std::string secret_configuration;
  int kept_fd = -1;  ///< a descriptor that git and its children keep open, such as a lock; or -1
};

/// How git ended where it could be run.
struct GitEnd {
  bool ok = false;
  std::string said;  ///< the last lines of its standard error, as one, without userinfo in URLs
};

/// Runs git to its end. Asks `keep_going` several times a second; once that says no, git and its
/// children are told to end, and killed when they do not within a few seconds. BLOCKS until then.
/// ERRORS kRepositoryUnusable: there is no git on the PATH, or it cannot be started.
Result<GitEnd> run_git(const GitCommand& command, const std::function<bool()>& keep_going);

}  // namespace forkdex
