#include "supervisor/repository/worktree/index_range.h"

#include <string>

namespace forkdex {

IndexRange::IndexRange(const GitIndex* index, std::string_view prefix) : index_(index) {
  if (!index_) return;
  cursor_ = index_->lower_bound(prefix);
  end_ = index_->size();
  if (prefix.empty()) return;
  std::string behind(prefix);
  ++behind.back();  // '/' becomes '0': the least path that does not start with the prefix
  end_ = index_->lower_bound(behind);
}

std::optional<GitIndexEntry> IndexRange::find(std::string_view path) const {
  if (!index_) return std::nullopt;
  const std::size_t at = index_->lower_bound(path);
  if (at >= end_ || (*index_)[at].path() != path) return std::nullopt;
  return (*index_)[at];
}

bool IndexRange::names_below(std::string_view folder) const {
  if (!index_) return false;
  const std::size_t at = index_->lower_bound(folder);
  return at < end_ && (*index_)[at].path().starts_with(folder);
}

std::optional<GitIndexEntry> IndexRange::next() const {
  return cursor_ < end_ ? std::optional((*index_)[cursor_]) : std::nullopt;
}

std::optional<GitIndexEntry> IndexRange::take(std::string_view path) {
  std::optional<GitIndexEntry> taken;
  for (; cursor_ < end_ && (*index_)[cursor_].path() == path; ++cursor_)
    if (!taken) taken = (*index_)[cursor_];
  return taken;
}

}  // namespace forkdex
