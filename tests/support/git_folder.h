#pragma once

// A repository for the programs under test, made with the git program.

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace forkdex::test {

class GitFolder {
 public:
  /// An empty repository on branch main.
  GitFolder();

  const std::filesystem::path& path() const { return folder_.path(); }

  /// Runs git in the folder, apart from the user's own configuration. Returns what it printed.
  /// Throws std::runtime_error when it fails.
  std::string git(const std::vector<std::string>& arguments, const std::string& input = "") const;
  /// The lines of git's answer.
  std::vector<std::string> git_lines(const std::vector<std::string>& arguments) const;

  void write(const std::string& name, const std::string& text) const { folder_.write(name, text); }
  /// Adds all there is, and commits it. Returns the commit's id. `seconds` since 2001, so that the
  /// same commits have the same ids.
  std::string commit(const std::string& message, int seconds) const;

 private:
  TemporaryFolder folder_;
};

/// Runs git in `folder`, as GitFolder::git.
std::string run_git(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                    const std::string& input = "", int seconds = 0);

}  // namespace forkdex::test
