#pragma once

// References as the git program reads them, of a repository that keeps them in a reftable
// (extensions.refStorage), which libgit2 does not read. git does since 2.45. ERRORS, of all of
// them, kRepositoryUnusable: git cannot be run, or does not read it either; the sentence, a part of
// one, says what to do.

#include <optional>
#include <string>

#include "common/error/result.h"
#include "supervisor/repository/git/git_query.h"

namespace forkdex {

/// The commit that `revision` names, hex; nothing where there is none. BLOCKS while git runs.
Result<std::optional<std::string>> commit_by_git(const GitPlace& place,
                                                 const std::string& revision);

/// Whether there is a branch. BLOCKS while git runs.
Result<bool> has_branches_by_git(const GitPlace& place);

}  // namespace forkdex
