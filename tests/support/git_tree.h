#pragma once

// The git program on a folder of a black-box test, apart from the configuration of whoever runs it.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/program.h"

namespace forkdex::test {

/// `git ARGUMENTS` in `folder`, to be started as it is or after more is set.
inline Command git_command(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments) {
  Command command;
  command.arguments = {"/usr/bin/git",
                       "-C",
                       folder.string(),
                       "-c",
                       "user.name=t",
                       "-c",
                       "user.email=t@example.org",
                       "-c",
                       "init.defaultBranch=main",
                       "-c",
                       "protocol.file.allow=always"};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.environment = {{"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_CONFIG_NOSYSTEM", "1"}};
  return command;
}

/// Runs it and gives what it printed, without the last line end. Throws std::runtime_error with all
/// it said when it fails.
inline std::string git(const std::filesystem::path& folder,
                       const std::vector<std::string>& arguments) {
  Ended ended = run(git_command(folder, arguments));
  if (ended.status != 0) throw std::runtime_error(ended.text());
  while (ended.out.ends_with('\n')) ended.out.pop_back();
  return ended.out;
}

/// Makes `folder` a repository with one commit of all it holds.
inline void make_repository(const std::filesystem::path& folder) {
  git(folder, {"init", "-q"});
  git(folder, {"add", "-A"});
  git(folder, {"commit", "-q", "-m", "first"});
}

}  // namespace forkdex::test
