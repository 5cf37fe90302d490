#include "supervisor/repository/listing.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/path_text.h"
#include "common/base/unique_fd.h"
#include "supervisor/repository/git/git_repository.h"
#include "supervisor/repository/git/tree_walk.h"
#include "supervisor/repository/worktree/folder.h"
#include "supervisor/repository/worktree/ignore_rules.h"
#include "supervisor/repository/worktree/walk.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

Error path_error(const fs::path& path, std::string_view what) {
  return {ErrorCode::kPathUnusable, fmt::format("{} {}", display_path(path.native()), what), ""};
}

Error unopenable(const fs::path& path, int error) {
  switch (error) {
    case ENOENT:
      return path_error(path, "does not exist; give an existing folder");
    case ENOTDIR:
      return path_error(path, "is not a folder; give the folder to index");
    case EACCES:
    case EPERM:
      return path_error(path, "may not be read by this user; give a folder that may");
    case ELOOP:
      return path_error(path, "is a loop of symbolic links; give an existing folder");
    default:
      return system_error(ErrorCode::kPathUnusable,
                          path_error(path, "cannot be opened; give another folder").sentence,
                          error);
  }
}

/// The folder `path` names, symbolic links resolved, once it is known to be usable.
Result<fs::path> usable_folder(const fs::path& path) {
  if (path.empty())
    return Error{ErrorCode::kPathUnusable, "the path is empty; give the folder to index", ""};
  std::error_code problem;
  const fs::path root = fs::canonical(path, problem);
  if (problem) return unopenable(path, problem.value());
  const UniqueFd folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return unopenable(path, errno);
  if (::faccessat(folder.get(), ".", X_OK, AT_EACCESS) != 0) return unopenable(path, errno);
  return root;
}

/// Where `root` lies in `work_tree`: "" for its top, else ending with '/'.
std::string prefix_of(const fs::path& work_tree, const fs::path& root) {
  if (root == work_tree) return "";
  const std::size_t top = work_tree == work_tree.root_path() ? 1 : work_tree.native().size() + 1;
  return root.native().substr(top) + '/';
}

/// The rules that hold for `root` before its own ignore and attributes files are read.
struct Inherited {
  IgnoreRules rules;
  ConversionRules conversions;
  bool root_is_ignored = false;
};

void add_conversions(int folder, const char* name, Links links, std::size_t folder_bytes,
                     ConversionRules& conversions) {
  const auto text = read_small_file(folder, name, ConversionRules::kMaxBytes, links);
  if (text)
    conversions.push(folder_bytes, *text);
  else if (::faccessat(folder, name, F_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0)
    conversions.push_unknown();
}

Inherited inherited_rules(const GitRepository& repository, const std::string& prefix) {
  const bool fold_case = repository.ignores_case();
  Inherited inherited{IgnoreRules(fold_case), ConversionRules(fold_case)};
  for (const fs::path& file : repository.exclude_files()) {
    auto text = read_small_file(AT_FDCWD, file.c_str(), IgnoreFile::kMaxBytes, Links::kFollow);
    if (text) inherited.rules.push(0, *std::move(text));
  }
  for (const fs::path& file : repository.attributes_files())
    add_conversions(AT_FDCWD, file.c_str(), Links::kFollow, 0, inherited.conversions);
  const std::string& top = repository.work_tree().native();
  // What lies above PATH must be passed through, it need not be readable.
  constexpr int kPassThrough = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd folder(::open(top.c_str(), kPassThrough));
  for (std::size_t begin = 0; begin < prefix.size();) {
    auto text = read_small_file(folder.get(), ".gitignore", IgnoreFile::kMaxBytes);
    if (text) inherited.rules.push(begin, *std::move(text));
    add_conversions(folder.get(), ".gitattributes", Links::kRefuse, begin, inherited.conversions);
    const std::size_t end = prefix.find('/', begin);
    inherited.root_is_ignored = inherited.rules.ignored(prefix.substr(0, end), true);
    if (inherited.root_is_ignored) break;
    const std::string name = prefix.substr(begin, end - begin);
    folder.reset(::openat(folder.get(), name.c_str(), kPassThrough));
    begin = end + 1;
  }
  return inherited;
}

Result<GitRepository> reopen(const RepositoryInfo& info) {
  auto repository = GitRepository::discover(info.location);
  if (!repository) return repository.error();
  if (*repository) return **std::move(repository);
  return Error{ErrorCode::kRepositoryUnusable,
               fmt::format("{} is no git repository any more; run again",
                           display_path(info.location.native())),
               ""};
}

/// Where the folder that is listed lies in the repository's trees.
std::string prefix_of(const GitRepository& git, const RepositoryInfo& info) {
  return git.is_bare() ? "" : prefix_of(git.work_tree(), info.location);
}

Result<void> list_in_git(const RepositoryInfo& info, UniqueFd root, const Walk::Visit& visit) {
  auto git_or_error = reopen(info);
  if (!git_or_error) return git_or_error.error();
  const GitRepository& git = *git_or_error;
  auto index = git.index();
  if (!index) return index.error();
  std::string prefix = prefix_of(git, info);
  Inherited inherited = inherited_rules(git, prefix);
  Walk walk(std::move(root), std::move(prefix), std::move(inherited.rules),
            std::move(inherited.conversions), &git, &*index, visit);
  return walk.run();
}

/// Sees to it that the files are those of a commit.
Result<void> choose_commit(const GitRepository& git, const std::string& revision,
                           RepositoryInfo& info) {
  if (!revision.empty()) {
    auto commit = git.commit(revision);
    if (!commit) return commit.error();
    info.head = *std::move(commit);
  }
  info.in_store = true;
  info.object_folders = git.object_folders();
  return {};
}

/// An empty list would empty the repository, for a name that somebody mistyped.
Result<void> check_head(const GitRepository& git, const RepositoryInfo& info,
                        const std::string& called) {
  if (info.head || !git.has_branches()) return {};
  return Error{ErrorCode::kRepositoryUnusable,
               fmt::format("the HEAD of {} names a branch that it does not have; set it there, or "
                           "give --rev BRANCH",
                           display_path(called)),
               ""};
}

Result<void> list_in_store(const RepositoryInfo& info, const Walk::Visit& visit) {
  if (!info.head) return {};  // nothing was committed yet
  auto git = reopen(info);
  if (!git) return git.error();
  return TreeWalk(*git, visit).run(*info.head, prefix_of(*git, info));
}

}  // namespace

Result<RepositoryInfo> inspect_repository(const fs::path& path, const std::string& revision,
                                          const std::string& called) {
  auto root = usable_folder(path);
  if (!root) return root.error();
  RepositoryInfo info;
  info.root = info.location = *root;
  info.default_name = info.root.has_filename() ? info.root.filename().string() : "root";
  auto repository = GitRepository::discover(info.root);
  if (!repository) return repository.error();
  if (!*repository && !revision.empty())
    return Error{
        ErrorCode::kUsage,
        fmt::format("{} is in no git repository, so it has no revision {}; leave --rev out",
                    display_path(path.native()), revision),
        ""};
  if (!*repository) return info;
  const GitRepository& git = **repository;
  const bool in_store = git.is_bare() || !revision.empty();
  if (!in_store) {
    if (inherited_rules(git, prefix_of(git, info)).root_is_ignored) return info;
    auto index = git.index();
    if (!index) return index.error();
  }
  auto head = git.head();
  if (!head) return head.error();
  info.in_git = true;
  info.folder = prefix_of(git, info);
  info.head = *std::move(head);
  info.remote = git.remote();
  if (!in_store) return info;
  if (auto chosen = choose_commit(git, revision, info); !chosen) return chosen.error();
  if (auto right = check_head(git, info, called.empty() ? path.native() : called); !right)
    return right.error();
  return info;
}

std::optional<RootCommit> find_root_commit(const RepositoryInfo& repository,
                                           const std::optional<RootCommit>& known) {
  if (!repository.in_git || repository.remote) return std::nullopt;
  const auto git = reopen(repository);
  return git ? git->root_commit(known) : std::nullopt;
}

Result<void> list_files(const RepositoryInfo& repository,
                        const std::function<void(ListedFile&&)>& visit) {
  if (repository.in_store) return list_in_store(repository, visit);
  UniqueFd root(::open(repository.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return unopenable(repository.root, errno);
  if (repository.in_git) return list_in_git(repository, std::move(root), visit);
  return Walk(std::move(root), "", IgnoreRules(false), ConversionRules(false), nullptr, nullptr,
              visit)
      .run();
}

}  // namespace forkdex
