#pragma once

// Where the tree of a commit differs from the trees of its parents. Folders with equal ids are not
// read. One thread.

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/error/result.h"
#include "supervisor/repository/commit.h"

struct git_repository;
struct git_tree;
struct git_tree_entry;

namespace forkdex {

/// One file (symbolic link, submodule) that is not what it is in the first parent.
struct TreeDifference {
  std::string_view path;    ///< relative to the root; valid during the call
  bool exists = false;      ///< in the commit itself
  std::size_t same_as = 0;  ///< the first parent in which it is the same; kNoParent: in none
  static constexpr std::size_t kNoParent = std::numeric_limits<std::size_t>::max();
};

class TreeComparison {
 public:
  using Visit = std::function<void(const TreeDifference&)>;

  /// Compares what is below `prefix` ("" or ending with '/'). REQUIRES that `repository` outlives
  /// this.
  TreeComparison(git_repository* repository, std::string prefix)
      : repository_(repository), prefix_(std::move(prefix)) {}

  enum class Against : std::uint8_t { kFirstParent, kEveryParent };

  /// Calls `visit` for each file in which `tree` differs from its first parent's; kEveryParent: for
  /// those in which it differs from all parents'. Without parents, for every file. ERRORS
  Result<void> compare(const ObjectId& tree, std::span<const ObjectId> parents, Against against,
                       const Visit& visit);

 private:
  using Tree = std::shared_ptr<git_tree>;
  class Merge;

  Result<Tree> load(const ObjectId& id);
  Result<Tree> below_prefix(const ObjectId& root);
  Result<void> compare_folders(const std::vector<Tree>& trees, Against against, const Visit& visit);
  Result<void> compare_below(const std::vector<const git_tree_entry*>& row, Against against,
                             const Visit& visit);

  git_repository* repository_;
  std::string prefix_;
  std::string path_;       // of the folder that is compared, with a trailing '/'
  std::size_t steps_ = 0;  // of the comparison at hand
  // A tree is read for a commit and again for its children: the last ones are kept, in two
  // generations, of which the older is let go as a whole.
  std::unordered_map<ObjectId, Tree, ObjectIdHash> young_;
  std::unordered_map<ObjectId, Tree, ObjectIdHash> old_;
  std::size_t young_entries_ = 0;
};

}  // namespace forkdex
