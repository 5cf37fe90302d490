#include "common/base/io.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

/// Calls `read` for the rest of `to` until it is full, or nothing comes any more.
template <class Read>
ssize_t fill(std::span<char> to, Read read) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    const ssize_t got = read(to.subspan(filled), filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(filled);
}

}  // namespace

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

ssize_t read_all(int fd, std::span<char> to) {
  return fill(
      to, [fd](std::span<char> rest, std::size_t) { return ::read(fd, rest.data(), rest.size()); });
}

ssize_t read_all_at(int fd, std::span<char> to, std::uint64_t offset) {
  return fill(to, [fd, offset](std::span<char> rest, std::size_t filled) {
    return ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + filled));
  });
}

std::optional<std::string> read_to_end(int fd, std::size_t max_bytes) {
  std::string text;
  std::array<char, 16384> block;
  for (;;) {
    const ssize_t got = read_all(fd, block);
    if (got < 0) return std::nullopt;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > max_bytes) {
      errno = EFBIG;
      return std::nullopt;
    }
    if (static_cast<std::size_t>(got) < block.size()) return text;
  }
}

bool sync_file_system(const std::filesystem::path& folder) {
  const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.valid() && ::syncfs(opened.get()) == 0;
}

}  // namespace forkdex
