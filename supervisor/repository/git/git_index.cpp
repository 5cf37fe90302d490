#include "supervisor/repository/git/git_index.h"

#include <git2.h>

#include <utility>

#include "common/base/clock.h"

namespace forkdex {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

std::string_view GitIndexEntry::path() const { return entry_->path; }

bool GitIndexEntry::is_submodule() const { return entry_->mode == GIT_FILEMODE_COMMIT; }

bool GitIndexEntry::is_sparse() const {
  return (entry_->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
}

std::optional<std::string> GitIndexEntry::oid() const {
  if (GIT_INDEX_ENTRY_STAGE(entry_) != 0) return std::nullopt;
  if ((entry_->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0) return std::nullopt;
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &entry_->id);
  return text;
}

std::int64_t GitIndexEntry::mtime_ns() const {
  // The index keeps 32 bits without a sign: what is dated before 1970 counts as late, as for git.
  const auto seconds = std::int64_t{static_cast<std::uint32_t>(entry_->mtime.seconds)};
  return seconds * kNanosecondsPerSecond + entry_->mtime.nanoseconds;
}

bool GitIndexEntry::same_stat(const struct stat& file) const {
  const auto same_time = [](const git_index_time& seen, const timespec& now) {
    // The index keeps 32 bits of the seconds, and some writers no fraction.
    return seen.seconds == static_cast<std::int32_t>(now.tv_sec) &&
           (seen.nanoseconds == 0 || seen.nanoseconds == static_cast<std::uint32_t>(now.tv_nsec));
  };
  return entry_->file_size == static_cast<std::uint32_t>(file.st_size) &&
         entry_->ino == static_cast<std::uint32_t>(file.st_ino) &&
         same_time(entry_->mtime, file.st_mtim) && same_time(entry_->ctime, file.st_ctim);
}

void GitIndex::Free::operator()(git_index* index) const { git_index_free(index); }

GitIndex::GitIndex(git_index* index, const std::filesystem::path& file)
    : index_(index), size_(git_index_entrycount(index)) {
  note_time(file);
}

GitIndex::GitIndex(std::unique_ptr<const IndexEntries> listed, const std::filesystem::path& file)
    : listed_(std::move(listed)), size_(listed_->entries.size()) {
  note_time(file);
}

void GitIndex::note_time(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.c_str(), &about) == 0) written_ns_ = nanoseconds_of(about.st_mtim);
}

GitIndexEntry GitIndex::operator[](std::size_t i) const {
  return GitIndexEntry(listed_ ? &listed_->entries[i] : git_index_get_byindex(index_.get(), i));
}

std::size_t GitIndex::lower_bound(std::string_view path) const {
  std::size_t low = 0;
  std::size_t high = size_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if ((*this)[middle].path() < path)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool GitIndex::is_current(const GitIndexEntry& entry, const struct stat& file) const {
  return entry.same_stat(file) && entry.mtime_ns() < written_ns_ && entry.oid();
}

}  // namespace forkdex
