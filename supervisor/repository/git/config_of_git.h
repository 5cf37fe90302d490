#pragma once

// The configuration as the git program reads it, for what libgit2 reads otherwise or not at all:
// conditional includes, paths that start with ~user/ or %(prefix)/, GIT_CONFIG_PARAMETERS, and the
// system's file of a git that is not the distribution's. docs/design/git.md has the list.

#include <optional>
#include <string>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "supervisor/repository/git/git_query.h"

struct git_config;
struct git_repository;

namespace forkdex {

/// Why libgit2's reading of a configuration may differ from git's.
struct ConfigDoubt {
  std::string setting;    ///< what is in doubt, for a person
  bool only_git = false;  ///< libgit2 cannot read it; else only corner cases of it differ
};

/// What of `config`, the repository's, is in doubt, the gravest first; nothing in the ordinary
/// case.
std::optional<ConfigDoubt> doubt_about(git_config& config, git_repository* repository);

/// GIVES a memory file, in git's format, with the settings that forkdex reads, as git has them:
/// without includes, and with the paths of files written out. BLOCKS while git runs. ERRORS
/// kRepositoryUnusable: as ask_git_for_text.
Result<UniqueFd> config_of_git(const GitPlace& place);

}  // namespace forkdex
