#pragma once

// The file that git's index is: read by libgit2, and listed by the git program where libgit2 does
// not read its form. Which of the two it is shows when the file is opened, before anything is
// listed.

#include <filesystem>

#include "common/error/result.h"
#include "supervisor/repository/git/git_index.h"
#include "supervisor/repository/git/git_query.h"

struct git_repository;

namespace forkdex {

/// Opens the index `file` of the opened repository at `place`; an empty one where there is no file.
/// Where git has left out its checksum
/// (index.skipHash), libgit2 gets a copy in memory that has one. A split or sparse index is listed
/// by git. ERRORS kRepositoryUnusable: the sentence, a part of one, says what to do.
Result<GitIndex> open_index(const std::filesystem::path& file, const GitPlace& place,
                            git_repository* repository);

}  // namespace forkdex
