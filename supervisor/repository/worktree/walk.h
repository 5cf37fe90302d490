#pragma once

// The walk that a listing is: folder by folder, names sorted so that files come in byte order of
// their whole paths, joined with git's index as it goes. It holds the names of the folders it is
// in, never all paths, and at most a few dozen descriptors however deep the tree is.

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "supervisor/repository/git/git_repository.h"
#include "supervisor/repository/listing.h"
#include "supervisor/repository/worktree/conversion_rules.h"
#include "supervisor/repository/worktree/folder.h"
#include "supervisor/repository/worktree/ignore_rules.h"
#include "supervisor/repository/worktree/index_range.h"

namespace forkdex {

class Walk {
 public:
  using Visit = std::function<void(ListedFile&&)>;

  /// `root` is the folder to list, `prefix` its path below the work tree's top ("" or ending with
  /// '/'), `rules` and `conversions` what applies above it. `repository` and `index` (both null
  /// outside git) must outlive the walk.
  Walk(UniqueFd root, std::string prefix, IgnoreRules rules, ConversionRules conversions,
       const GitRepository* repository, const GitIndex* index, const Visit& visit);

  /// Lists everything below the root. Call once. ERRORS kPathUnusable: the root cannot be read.
  Result<void> run();

 private:
  struct Frame {  // one folder that the walk is in
    UniqueFd folder;
    dev_t device = 0;
    ino_t inode = 0;
    FolderNames names;
    std::size_t next = 0;        // the entry to visit
    std::size_t path_bytes = 0;  // of path_, the folder's trailing '/' included
    bool tracked_only = false;   // the folder is ignored: only what the index names counts
    bool has_rules = false;
    bool has_conversions = false;
  };

  void enter(UniqueFd folder, bool tracked_only);
  void leave();
  void visit_entry(Frame& frame, const FolderNames::Entry& entry);
  void visit_file(Frame& frame, const FolderNames::Entry& entry);
  void visit_folder(Frame& frame, const FolderNames::Entry& entry);
  void visit_repository();

  /// What the folder's own ignore or attributes file says.
  struct RulesFile {
    bool present = false;
    std::optional<std::string> text;  // nothing where it cannot be read
  };
  /// Reads the file `name`, from the index where a sparse checkout left it out.
  RulesFile read_rules(Frame& frame, std::string_view name, std::size_t max_bytes);
  void load_rules(Frame& frame);
  void load_conversions(Frame& frame);
  /// Drops folders that hold nothing to list and marks those that are repositories.
  void sort_out(Frame& frame);
  bool keep_folder(Frame& frame, FolderNames::Entry& entry);
  /// Gives the frame its descriptor back after it was closed to spare descriptors.
  void reopen(Frame& frame, const UniqueFd& child);

  /// Reports the index entries before `path` that are left: they are not in the work tree.
  void pass_absent(std::string_view path);
  void pass_absent_entry(const GitIndexEntry& entry);
  void report(ListedFile::Kind kind, std::string note);
  void report_sparse(const GitIndexEntry& entry);
  void report_unreadable_folder(int error);

  std::string_view relative() const { return std::string_view(path_).substr(prefix_bytes_); }

  UniqueFd root_;
  std::size_t prefix_bytes_;
  std::string path_;  // from the work tree's top
  IgnoreRules rules_;
  ConversionRules conversions_;
  const GitRepository* repository_;
  IndexRange index_;  // entries are taken once they are reported
  const Visit& visit_;
  bool fold_case_ = false;
  int root_error_ = 0;
  std::vector<Frame> frames_;
};

}  // namespace forkdex
