#pragma once

// Where git's configuration lies beside the repository's own: the user's, the system's, and what
// the environment says in their place or above them (GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM,
// GIT_CONFIG_NOSYSTEM, and GIT_CONFIG_COUNT with its KEY_n and VALUE_n), which git reads and
// libgit2 does not. REQUIRES, all of it, that libgit2 was started. One thread.

#include <filesystem>

#include "common/base/unique_fd.h"
#include "common/error/result.h"

struct git_config;
struct git_repository;

namespace forkdex {

/// Where the user's own `config`, `ignore` and `attributes` are; empty for a user without a home.
std::filesystem::path user_config_folder();

/// Tells libgit2 where to look in every repository that is opened from now on. Like git, and unlike
/// libgit2, passes over a home that this user may not enter: a service often runs with root's HOME.
void find_git_config();

/// Adds to a repository's configuration what the environment says of it. GIVES what `config` reads
/// single values from; it must outlive `config`, and is invalid where there are none. ERRORS
/// kRepositoryUnusable: the sentence is what is wrong with it, a part of one.
Result<UniqueFd> add_config_of_environment(git_config& config, git_repository* repository);

}  // namespace forkdex
