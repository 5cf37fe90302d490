#pragma once

// What a folder holds: every file that forkdex accounts for, in byte order of its path. The list
// comes from git's index and ignore rules where PATH is in a work tree, else from a walk under the
// same rules. Nothing is written, no file's content is read but .git, .gitignore and
// .gitattributes, and no symbolic link is followed.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/result.h"

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
  /// match and are older than the index. Where it is false, blob_oid may describe other bytes.
  bool blob_is_current = false;
};

/// The repository that a PATH stands for.
struct RepositoryInfo {
  std::filesystem::path root;         ///< PATH, absolute, symbolic links resolved
  std::string default_name;           ///< last part of the root
  std::optional<std::string> head;    ///< commit id, hex
  std::optional<std::string> remote;  ///< origin's URL without userinfo
  /// The first commit of HEAD's first-parent line. Looked for only where there is no remote: it
  /// then says what the repository is, at the price of reading that line.
  std::optional<std::string> root_commit;
  bool in_git = false;  ///< git's index and ignore rules apply; else there is no head either
};

/// Looks at PATH. ERRORS kPathUnusable (missing, not a folder, unreadable), kRepositoryUnusable
/// (git has it, libgit2 cannot open it: the sentence names why).
Result<RepositoryInfo> inspect_repository(const std::filesystem::path& path);

/// Calls `visit` for every file below `repository.root` in byte order of its path.
/// ERRORS as inspect_repository.
Result<void> list_files(const RepositoryInfo& repository,
                        const std::function<void(ListedFile&&)>& visit);

}  // namespace forkdex
