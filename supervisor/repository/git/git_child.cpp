#include "supervisor/repository/git/git_child.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <deque>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/pg/url.h"

namespace forkdex {
namespace {

constexpr std::size_t kSaidLines = 3;
constexpr std::size_t kSaidBytes = 600;

/// Lines of git's that say nothing of the case at hand.
constexpr std::array<std::string_view, 4> kBesideThePoint = {
    "hint:", "warning:", "Please make sure you have", "and the repository exists"};

}  // namespace

std::string find_git() {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
    std::string git = std::string(folder) + "/git";
    struct stat about{};
    // A folder that is not absolute would be the current one's, which may be anybody's.
    if (folder.starts_with('/') && ::stat(git.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
        ::access(git.c_str(), X_OK) == 0)
      return git;
  }
  return {};
}

UniqueFd git_memory_file(std::string_view content) {
  UniqueFd memory(::memfd_create("forkdex-git", MFD_CLOEXEC));
  if (memory.valid() && !write_all(memory.get(), content)) memory.reset();
  return memory;
}

std::string git_stderr_tail(int errors) {
  std::string text(8192, '\0');
  const off_t size = ::lseek(errors, 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(text.size()));
  const ssize_t got = ::pread(errors, text.data(), text.size(), start);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  std::deque<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", from), text.size());
    std::string line = text.substr(from, end - from);
    line.erase(0, line.find_first_not_of(" \t"));
    from = end + 1;
    const auto starts = [&](std::string_view words) { return line.starts_with(words); };
    if (line.empty() || std::any_of(kBesideThePoint.begin(), kBesideThePoint.end(), starts))
      continue;
    lines.push_back(without_secrets(line));
    if (lines.size() > kSaidLines) lines.pop_front();
  }
  return display_path(fmt::format("{}", fmt::join(lines, "; ")).substr(0, kSaidBytes));
}

}  // namespace forkdex
