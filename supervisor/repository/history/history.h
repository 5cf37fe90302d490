#pragma once

// The history of a repository, walked once for everything that is asked of it: the commits
// themselves, and the last commit of every file, as `git log -1 -- FILE` gives it with git's
// default simplification: a merge in which a file is as in one of its parents leads to the first
// such parent alone; a merge in which it is as in none is its last commit; renames are not
// followed. Merges, several roots, dates that run backwards and a history cut off by a shallow
// clone change nothing about that. Objects are read as they are recorded: `git replace` and
// info/grafts have no effect.
//
// How the last commits are found: all files start at the head in one set. Wherever a commit differs
// from its first parent in a file, the file leaves the set: this is its last commit or, in a merge,
// it goes on along the parent that has it. The set goes on to the first parent. So a commit costs
// its difference and not its files, and the walk from a new head ends where the old head is met:
// what was true there is true still.
//
// The first walk reads every commit twice, once to learn how many children it has: each is then
// looked at once, after all of them, whatever its date says.
//
// It remembers some 32 bytes a commit that it walks, and 44 a file. One thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "common/error/result.h"
#include "supervisor/repository/commit.h"
#include "supervisor/repository/git/git_repository.h"
#include "supervisor/repository/history/path_sets.h"

namespace forkdex {

class History {
 public:
  /// Opens the history of the work tree that `root` (absolute, no symbolic link in it) is in, or of
  /// the bare repository that it is.
  /// ERRORS kRepositoryUnusable.
  static Result<History> open(const std::filesystem::path& root);

  /// What an answer depends on beside the head: the folder, and where a shallow history is cut off.
  /// Nothing that was walked in another scope may be used.
  const std::string& scope() const { return scope_; }
  /// Whether the commit is there.
  bool has(const ObjectId& commit) const;

  struct Visitor {
    /// Called once for each commit that is reachable from the head and not from the old one; says
    /// whether its text and files are wanted. Where dates run backwards, a commit that the old head
    /// reaches may come too.
    std::function<bool(const ObjectId&)> reached;
    /// Gets the commits that are wanted; below a folder, those that change a file in it.
    std::function<Result<void>(Commit&&)> take;
    /// Asked at every commit; false ends the walk.
    std::function<bool()> keep_going;
  };
  struct Walked {
    bool to_the_end = false;    ///< keep_going() never said no
    bool met_old_head = false;  ///< the new head has the old one among its ancestors
    std::uint64_t commits = 0;  ///< looked at
  };

  /// Walks from `head` to what `old_head` (walked before, in this scope) reaches, or to the roots.
  /// With `paths`, looks for their last commits; known ones keep theirs where the old head decides.
  /// A path that `head` does not have has none. BLOCKS until it is done. ERRORS
  /// kRepositoryUnusable: an object is missing or damaged; those of take().
  Result<Walked> walk(const ObjectId& head, const std::optional<ObjectId>& old_head,
                      PathSets* paths, const Visitor& visitor);

 private:
  explicit History(GitRepository repository) : repository_(std::move(repository)) {}

  GitRepository repository_;
  std::string prefix_;  // of the root in the work tree: "" or ending with '/'
  std::string scope_;
  std::unordered_set<ObjectId, ObjectIdHash> cut_off_;  // commits whose parents are not here
};

}  // namespace forkdex
