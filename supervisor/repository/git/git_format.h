#pragma once

// What a repository's own configuration says of its format: its version, its extensions
// (gitrepository-layout(5)), and what a work tree of its own says of bareness and place, which
// libgit2 does not read.

#include <string_view>

#include "common/error/result.h"

struct git_repository;

namespace forkdex {

/// Tells libgit2 which extensions it may pass over: those that change nothing of what is read here,
/// and those that check_format() judges. REQUIRES that libgit2 was started.
void allow_extensions();

/// How a repository's references are stored.
enum class ReferenceStore {
  kFiles,
  kReftable,  ///< which libgit2 does not read
};

/// Looks at the extensions of an opened repository. ERRORS kRepositoryUnusable: git refuses it, or
/// nothing here reads its format; the sentence, a part of one, says which and what to do.
Result<ReferenceStore> check_format(git_repository* repository);

/// Whether the repository has a work tree. Moves it to where core.worktree of its own configuration
/// file has it, where there is one. ERRORS kRepositoryUnusable: the sentence, a part of one, is
/// libgit2's.
Result<bool> has_work_tree(git_repository* repository);

/// What to do about a repository that libgit2 refuses to open in the words `message`; empty where
/// nobody knows.
std::string_view remedy_for_format(std::string_view message);

}  // namespace forkdex
