#pragma once

// The part of git's index that is below the folder of a walk, taken entry by entry in step with it.
// Without an index it is empty.

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string_view>

#include "supervisor/repository/git/git_repository.h"

namespace forkdex {

class IndexRange {
 public:
  /// The entries of `index` whose paths start with `prefix` ("" or ending with '/'); none where
  /// `index` is null. REQUIRES that the index outlives this.
  IndexRange(const GitIndex* index, std::string_view prefix);

  /// Whether there is an index.
  explicit operator bool() const { return index_ != nullptr; }

  /// The entry of `path`, taken or not.
  std::optional<GitIndexEntry> find(std::string_view path) const;
  /// Whether an entry's path starts with `folder`.
  bool names_below(std::string_view folder) const;
  /// See GitIndex::is_current.
  bool is_current(const GitIndexEntry& entry, const struct stat& about) const {
    return index_->is_current(entry, about);
  }

  /// The next entry, which stays.
  std::optional<GitIndexEntry> next() const;
  /// Takes the next entry. REQUIRES that there is one.
  void take() { ++cursor_; }
  /// Takes the entries of `path`, and gives the first of them.
  std::optional<GitIndexEntry> take(std::string_view path);
  void take_all() { cursor_ = end_; }

 private:
  const GitIndex* index_;
  std::size_t cursor_ = 0;  // the first entry not taken yet
  std::size_t end_ = 0;
};

}  // namespace forkdex
