#pragma once

// A repository as far as listing it needs: its work tree, index, ignore files and identity, read
// through libgit2. Nothing is written and nothing from its configuration is run, which is why the
// owner of the folder does not matter. One thread at a time.

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "supervisor/repository/commit.h"

struct git_config;
struct git_index;
struct git_index_entry;
struct git_repository;

namespace forkdex {

/// One entry of a GitIndex; valid while the index lives.
class GitIndexEntry {
 public:
  explicit GitIndexEntry(const git_index_entry* entry) : entry_(entry) {}

  /// Relative to the work tree's top.
  std::string_view path() const;
  bool is_submodule() const;
  /// Left out of the work tree by `git sparse-checkout` or `update-index --skip-worktree`.
  bool is_sparse() const;
  /// The id of the content, hex; nothing while a conflict is open or before content was added.
  std::optional<std::string> oid() const;
  /// Whether `file` has the size and times that git saw when it last knew the content.
  bool same_stat(const struct stat& file) const;
  std::int64_t mtime_ns() const;

 private:
  const git_index_entry* entry_;
};

/// git's index as it was when it was opened, in byte order of the paths whatever core.ignorecase
/// says. A path in conflict stands there up to three times, its entries side by side.
class GitIndex {
 public:
  std::size_t size() const { return size_; }
  GitIndexEntry operator[](std::size_t i) const;
  /// The first entry whose path is not less than `path`.
  std::size_t lower_bound(std::string_view path) const;
  /// Whether git would take a file with `entry`'s stat data for unchanged without reading it: false
  /// where it was written within the index's own tick.
  bool is_current(const GitIndexEntry& entry, const struct stat& file) const;

 private:
  friend class GitRepository;
  struct Free {
    void operator()(git_index* index) const;
  };
  explicit GitIndex(git_index* index);
  std::unique_ptr<git_index, Free> index_;
  std::size_t size_ = 0;
  std::int64_t written_ns_ = 0;
};

class GitRepository {
 public:
  /// Opens the repository that `folder` (absolute, no symbolic link in it) is in, as git finds it;
  /// nothing where there is none. A bare repository is found by its own folder only. ERRORS
  /// kRepositoryUnusable: git has one, but `folder` is inside git's own, or it is broken,
  /// unreadable, or needs what libgit2 lacks; the sentence names which.
  static Result<std::optional<GitRepository>> discover(const std::filesystem::path& folder);

  /// There is no work tree, only commits.
  bool is_bare() const { return work_tree_.empty(); }
  /// The top of the work tree, absolute, symbolic links resolved, no trailing '/'; empty for a bare
  /// repository.
  const std::filesystem::path& work_tree() const { return work_tree_; }

  /// Reads the index; an empty one where there is no file yet. ERRORS kRepositoryUnusable.
  Result<GitIndex> index() const;

  bool ignores_case() const;
  /// The ignore files outside the work tree, the weakest first; they need not exist.
  std::vector<std::filesystem::path> exclude_files() const;
  /// The attributes files outside the work tree; they need not exist.
  std::vector<std::filesystem::path> attributes_files() const;
  /// The content of `entry`, for a file that a sparse checkout leaves out.
  std::optional<std::string> content(const std::string& blob_oid, std::size_t max_bytes) const;

  /// The commit that `revision` names as gitrevisions(7) has it, hex. ERRORS kUsage.
  Result<std::string> commit(const std::string& revision) const;
  /// The folders that hold its objects, its own first (object_folders_of).
  std::vector<std::filesystem::path> object_folders() const;
  /// There is a branch, whatever HEAD names.
  bool has_branches() const;
  /// The commit HEAD stands on; nothing before the first one. ERRORS kRepositoryUnusable.
  Result<std::optional<std::string>> head() const;
  /// Cloned with a filter: objects are missing that git fetches when it needs them.
  bool is_partial() const;
  /// origin's URL as configured, without userinfo.
  std::optional<std::string> remote() const;
  /// The first commit of HEAD's first-parent line; nothing where the history is cut off. Reads
  /// every commit of that line, down to the head that `known` is of.
  std::optional<RootCommit> root_commit(const std::optional<RootCommit>& known = {}) const;

  /// libgit2's own, for what reads objects; lives as long as this does.
  git_repository* handle() const { return repository_.get(); }

 private:
  struct Free {
    void operator()(git_repository* repository) const;
    void operator()(git_config* config) const;
  };
  GitRepository() = default;
  Result<void> read_config();
  std::optional<std::string> config_text(const char* key) const;
  std::optional<std::filesystem::path> user_file(const char* key, const char* name) const;
  std::filesystem::path info_file(const char* name) const;
  std::filesystem::path folder() const;
  Error unusable(std::string_view what) const;

  std::unique_ptr<git_repository, Free> repository_;
  UniqueFd given_values_;  // which config_ reads
  std::unique_ptr<git_config, Free> config_;
  std::filesystem::path work_tree_;
};

}  // namespace forkdex
