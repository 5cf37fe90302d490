#pragma once

// The git program asked about a repository on this machine, for what libgit2 does not read. It may
// be anybody's repository, so git reads and does nothing else: it takes no lock, runs no hook, no
// file system monitor and no filter, fetches nothing that is missing, and gets of our environment
// only what says where configuration is. One thread.

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"

namespace forkdex {

/// The repository that is asked about, as GIT_DIR and GIT_WORK_TREE name it: then git neither looks
/// for one nor asks whose it is.
struct GitPlace {
  std::filesystem::path git_folder;
  std::filesystem::path work_tree;  ///< empty where there is none
  std::filesystem::path objects;    ///< in place of the repository's own; empty for those
};

struct GitAnswer {
  int status = 0;    ///< git's exit status
  UniqueFd output;   ///< a memory file, at its start
  std::string said;  ///< the last lines of its standard error, as one
};

/// Whether GIT_CONFIG_PARAMETERS holds configuration, in quotes, as `git -c` writes it. git refuses
/// every command where it holds anything else, which then reaches no git that is asked.
bool has_config_parameters();

/// Runs `git ARGUMENTS` on `place`. BLOCKS until it has ended, a minute at most. ERRORS
/// kRepositoryUnusable: git cannot be run, or was ended; the sentence, a part of one, says why and
/// what to do.
Result<GitAnswer> ask_git(const GitPlace& place, const std::vector<std::string>& arguments);

/// What git prints. ERRORS as ask_git, and where its exit status is not 0.
Result<std::string> ask_git_for_text(const GitPlace& place,
                                     const std::vector<std::string>& arguments);

/// What to say where git's status is not 0, a part of a sentence.
Error git_refused(const GitAnswer& answer);

}  // namespace forkdex
