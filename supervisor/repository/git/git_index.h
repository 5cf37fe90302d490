#pragma once

// git's index, as it was when it was opened: what libgit2 read of it, or what git itself listed
// where libgit2 cannot read it. One thread.

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <git2/index.h>

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

/// Entries that are not libgit2's own.
struct IndexEntries {
  std::vector<git_index_entry> entries;  ///< in byte order; their paths point into `names`
  std::string names;                     ///< each ends with a NUL byte
};

/// In byte order of the paths whatever core.ignorecase says. A path in conflict stands there up to
/// three times, its entries side by side.
class GitIndex {
 public:
  /// Takes over what libgit2 opened. `file` is where git has it, for its time.
  GitIndex(git_index* index, const std::filesystem::path& file);
  GitIndex(std::unique_ptr<const IndexEntries> listed, const std::filesystem::path& file);

  std::size_t size() const { return size_; }
  GitIndexEntry operator[](std::size_t i) const;
  /// The first entry whose path is not less than `path`.
  std::size_t lower_bound(std::string_view path) const;
  /// Whether git would take a file with `entry`'s stat data for unchanged without reading it: false
  /// where it was written within the index's own tick.
  bool is_current(const GitIndexEntry& entry, const struct stat& file) const;

 private:
  struct Free {
    void operator()(git_index* index) const;
  };
  void note_time(const std::filesystem::path& file);

  std::unique_ptr<git_index, Free> index_;  // one of these two
  std::unique_ptr<const IndexEntries> listed_;
  std::size_t size_ = 0;
  std::int64_t written_ns_ = 0;
};

}  // namespace forkdex
