#pragma once

// The listing of a commit: its tree, folder by folder, out of the object store. Nothing of a work
// tree is looked at, and no blob is read. It holds the entries of the folders it is in, never all
// paths.
//
// A tree is data that anybody may have made. One that git itself would not make (names out of
// order are put in order; a name twice, "..", or one with a '/' are not) counts as a folder that
// cannot be read.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <git2/oid.h>

#include "common/error/result.h"
#include "supervisor/repository/git/git_repository.h"
#include "supervisor/repository/listing.h"

struct git_odb;

namespace forkdex {

class TreeWalk {
 public:
  using Visit = std::function<void(ListedFile&&)>;

  /// REQUIRES that `repository` outlives the walk.
  TreeWalk(const GitRepository& repository, const Visit& visit)
      : repository_(repository), visit_(visit) {}

  /// Calls `visit` for every file of commit `commit` (hex) below the folder `prefix` ("" or ending
  /// with '/'), in byte order of its path below it. Call once. ERRORS kRepositoryUnusable (the
  /// commit or its tree cannot be read), kUsage (the commit has no such folder).
  Result<void> run(const std::string& commit, const std::string& prefix);

 private:
  struct Entry {
    std::string name;  // ends with '/' for a folder
    git_oid oid;
    std::uint32_t mode;
  };
  struct Frame {  // one folder that the walk is in
    std::vector<Entry> entries;
    std::size_t next = 0;
    std::size_t path_bytes = 0;  // of path_, the folder's trailing '/' included
  };

  Result<git_oid> tree_of(const std::string& commit, const std::string& prefix) const;
  Result<std::vector<Entry>> read_tree(const git_oid& oid) const;
  void visit_entry(const Entry& entry, git_odb* objects);
  void visit_folder(const Entry& entry);
  std::string why_missing(std::string message) const;
  void report_unreadable(std::string note);

  const GitRepository& repository_;
  const Visit& visit_;
  std::string path_;
  std::vector<Frame> frames_;
};

}  // namespace forkdex
