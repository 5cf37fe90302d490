#include "supervisor/repository/worktree/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/io.h"

namespace forkdex {
namespace {

constexpr std::size_t kMaxGitFileBytes = 8192;

EntryType type_of(int folder, const char* name, unsigned char hint) {
  if (hint != DT_UNKNOWN) return hint == DT_DIR ? EntryType::kFolder : EntryType::kOther;
  struct stat entry{};
  const bool known = ::fstatat(folder, name, &entry, AT_SYMLINK_NOFOLLOW) == 0;
  return known && S_ISDIR(entry.st_mode) ? EntryType::kFolder : EntryType::kOther;
}

bool exists(int folder, const std::string& path) {
  return ::faccessat(folder, path.c_str(), F_OK, AT_EACCESS) == 0;
}

/// Whether `path` holds what every repository's folder holds; a linked work tree's shares some.
bool is_git_folder(int base, const std::string& path) {
  return exists(base, path + "/HEAD") &&
         (exists(base, path + "/commondir") ||
          (exists(base, path + "/objects") && exists(base, path + "/refs")));
}

}  // namespace

void FolderNames::add(std::string_view name, EntryType type) {
  entries_.push_back(
      {static_cast<std::uint32_t>(names_.size()), static_cast<std::uint16_t>(name.size()), type});
  names_ += name;
  names_ += '\0';
}

UniqueFd open_folder(int parent, const char* name) {
  return UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

UniqueFd open_folder_below(int top, std::string_view path) {
  UniqueFd folder(::fcntl(top, F_DUPFD_CLOEXEC, 0));
  while (!path.empty() && folder.valid()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    folder = open_folder(folder.get(), std::string(path.substr(0, end)).c_str());
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return folder;
}

std::optional<FolderNames> read_folder(int folder) {
  FolderNames names;
  alignas(dirent64) std::array<char, 32768> buffer;
  while (true) {
    const ssize_t filled = ::getdents64(folder, buffer.data(), buffer.size());
    if (filled < 0) return std::nullopt;
    if (filled == 0) return names;
    for (ssize_t at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        names.add(name, type_of(folder, entry->d_name, entry->d_type));
      at += entry->d_reclen;
    }
  }
}

std::optional<std::string> read_small_file(int folder, const char* name, std::size_t max_bytes,
                                           Links links) {
  const int follow = links == Links::kFollow ? 0 : O_NOFOLLOW;
  const UniqueFd file(::openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow));
  struct stat about{};
  if (!file.valid() || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return std::nullopt;
  return read_to_end(file.get(), max_bytes);
}

bool is_work_tree(int parent, const char* name) {
  const UniqueFd folder(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat git{};
  if (!folder.valid() || ::fstatat(folder.get(), ".git", &git, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  if (S_ISDIR(git.st_mode) || S_ISLNK(git.st_mode)) return is_git_folder(folder.get(), ".git");
  const auto text = read_small_file(folder.get(), ".git", kMaxGitFileBytes);
  constexpr std::string_view kPrefix = "gitdir: ";
  if (!text || !text->starts_with(kPrefix)) return false;
  const std::size_t end = text->find_last_not_of("\r\n");
  return is_git_folder(folder.get(), text->substr(kPrefix.size(), end + 1 - kPrefix.size()));
}

}  // namespace forkdex
