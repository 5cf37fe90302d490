#pragma once

// What a folder holds: every file that forkdex accounts for, in byte order of its path. The list
// comes from git's index and ignore rules where PATH is in a work tree, else from a walk under the
// same rules; where a revision is asked for, from that commit's tree. Nothing is written, no file's
// content is read but .git, .gitignore and .gitattributes, and no symbolic link is followed.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "supervisor/repository/commit.h"

namespace forkdex {

/// What is known of one path without opening it.
struct ListedFile {
  /// Relative to the root, '/'-separated, raw bytes. Ends with '/' only for a folder that cannot be
  /// read (kUnreadable): what is known below it is neither there nor gone.
  std::string path;
  enum class Kind : std::uint8_t {
    kRegular,
    kNotRegular,  ///< symbolic link, FIFO, socket, device: `skipped: not_regular`
    kSparse,      ///< skip-worktree entry of the index: `skipped: sparse`
    kUnreadable,  ///< the file or its folder may not be looked at; `note` says why
    kSubmodule,   ///< a repository of its own: `skipped: submodule`
  } kind = Kind::kRegular;
  std::string note;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::optional<std::string> blob_oid;  ///< hex, for a path in git's index
  /// git takes the bytes on disk for those of blob_oid without reading them: the index's stat data
  /// match and are older than the index, and no attribute has a program or another encoding between
  /// the two. Line ends and $Id$ may still be converted: the blob is then shorter than the file.
  /// Where it is false, blob_oid may describe other bytes.
  bool blob_is_current = false;
  /// The file is the blob itself, out of a commit: there is no file on disk and no lstat.
  bool in_store = false;
};

/// The repository that a PATH stands for.
struct RepositoryInfo {
  std::filesystem::path root;         ///< PATH, absolute, symbolic links resolved
  std::filesystem::path location;     ///< the folder in which git finds it, mostly the root
  std::string default_name;           ///< last part of the root
  std::string folder;                 ///< the root in its work tree, ending with '/'; "" its top
  std::optional<std::string> head;    ///< commit id, hex
  std::optional<std::string> remote;  ///< origin's URL without userinfo
  bool in_git = false;  ///< git's index and ignore rules apply; else there is no head either
  /// The files are those of the commit `head`, as blobs; the work tree does not count.
  bool in_store = false;
  /// Where in_store: the folders the blobs are in, git's own first, then its alternates.
  std::vector<std::filesystem::path> object_folders;
};

/// Looks at PATH. With `revision` (anything that names a commit), and for a bare repository, the
/// files are those of a commit: of `revision`, else of HEAD. `called` is what a person calls the
/// repository, where that is not PATH. ERRORS kPathUnusable (missing, not a folder, unreadable),
/// kUsage (no such commit), kRepositoryUnusable (git has it, libgit2 cannot open it: the sentence
/// names why; or that HEAD names a branch that is not there, while others are).
Result<RepositoryInfo> inspect_repository(const std::filesystem::path& path,
                                          const std::string& revision = "",
                                          const std::string& called = "");

/// The first commit of HEAD's first-parent line, which says what the repository is where there is
/// no remote: nothing where there is one, or no history, or one that is cut off. Reads that line
/// down to the head that `known` is of.
std::optional<RootCommit> find_root_commit(const RepositoryInfo& repository,
                                           const std::optional<RootCommit>& known = {});

/// Calls `visit` for every file below `repository.root` in byte order of its path.
/// ERRORS as inspect_repository.
Result<void> list_files(const RepositoryInfo& repository,
                        const std::function<void(ListedFile&&)>& visit);

}  // namespace forkdex
