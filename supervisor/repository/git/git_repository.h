#pragma once

// A repository as far as listing it needs: its work tree, index, ignore files and identity, read
// through libgit2, and through the git program where libgit2 reads otherwise than git or not at all
// (docs/design/git.md). Nothing is written and nothing from its configuration is run, which is why
// the owner of the folder does not matter. One thread at a time.

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
#include "supervisor/repository/git/git_format.h"
#include "supervisor/repository/git/git_index.h"
#include "supervisor/repository/git/git_query.h"

struct git_config;
struct git_repository;

namespace forkdex {

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
  Result<void> read_format();
  Result<void> read_config();
  Result<void> read_work_trees_config();
  Result<void> ask_for_config();
  GitPlace place() const;
  std::optional<std::string> config_text(const char* key) const;
  std::optional<std::filesystem::path> user_file(const char* key, const char* name) const;
  std::filesystem::path info_file(const char* name) const;
  std::filesystem::path folder() const;
  Error unusable(std::string_view what) const;
  Error no_commit(const std::string& revision) const;

  std::unique_ptr<git_repository, Free> repository_;
  UniqueFd given_values_;  // which config_ reads
  std::unique_ptr<git_config, Free> config_;
  std::filesystem::path work_tree_;
  ReferenceStore references_ = ReferenceStore::kFiles;
};

}  // namespace forkdex
