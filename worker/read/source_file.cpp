#include "worker/read/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

constexpr int kReadings = 3;

Error open_error(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::kFileVanished, "the file was gone when it was to be read", ""};
    case ELOOP:
      return {ErrorCode::kNotRegularFile, "a part of the path is a symbolic link", ""};
    case ENXIO:  // a socket, or a FIFO that nobody reads
      return {ErrorCode::kNotRegularFile, "not a regular file", ""};
    default:
      return system_error(ErrorCode::kFileUnreadable, "the file cannot be opened", error);
  }
}

/// Opens folder after folder, so that no symbolic link on the way is followed.
Result<UniqueFd> open_beneath(int root_fd, const std::string& path) {
  UniqueFd folder;
  std::size_t start = 0;
  for (;;) {
    const std::size_t slash = path.find('/', start);
    const std::string part = path.substr(start, slash - start);
    const int parent = folder.valid() ? folder.get() : root_fd;
    if (slash == std::string::npos) {
      UniqueFd file(::openat(parent, part.c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
      if (!file.valid()) return open_error(errno);
      return file;
    }
    UniqueFd next(::openat(parent, part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) {
      const int error = errno;
      // With O_DIRECTORY a symbolic link is ENOTDIR, like any file that took a folder's place.
      struct stat status{};
      const bool is_link = ::fstatat(parent, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                           S_ISLNK(status.st_mode);
      return open_error(is_link ? ELOOP : error);
    }
    folder = std::move(next);
    start = slash + 1;
  }
}

StatSignature signature_of(const struct stat& status) {
  StatSignature signature;
  signature.size = static_cast<std::uint64_t>(status.st_size);
  signature.mtime_ns = nanoseconds_of(status.st_mtim);
  signature.ctime_ns = nanoseconds_of(status.st_ctim);
  signature.inode = status.st_ino;
  return signature;
}

/// One reading; nothing when the file changed meanwhile.
Result<std::optional<SourceFile>> read_once(int fd, std::uint64_t max_bytes) {
  struct stat before{};
  struct stat after{};
  SourceFile file;
  const std::int64_t seen_at_ns = wall_clock_ns();
  if (::fstat(fd, &before) != 0) return open_error(errno);
  if (!S_ISREG(before.st_mode)) return Error{ErrorCode::kNotRegularFile, "not a regular file", ""};
  file.signature = signature_of(before);
  file.signature.seen_at_ns = seen_at_ns;
  if (file.signature.size > max_bytes) return too_large(file.signature.size, max_bytes);
  file.bytes.resize(file.signature.size);
  const ssize_t got = read_all_at(fd, file.bytes, 0);
  if (got < 0) return system_error(ErrorCode::kFileUnreadable, "the file cannot be read", errno);
  if (::fstat(fd, &after) != 0) return open_error(errno);
  if (got != static_cast<ssize_t>(file.bytes.size()) ||
      !file.signature.same_file(signature_of(after)))
    return std::optional<SourceFile>();
  file.hash = sha256(file.bytes);
  file.blob_oid = git_blob_id(file.bytes);
  return std::optional<SourceFile>(std::move(file));
}

}  // namespace

Error too_large(std::uint64_t size, std::uint64_t max_bytes) {
  return {ErrorCode::kFileTooLarge,
          fmt::format("{} bytes, more than --max-file-size {}", size, max_bytes), ""};
}

Result<SourceFile> read_source_file(int root_fd, const std::string& path, std::uint64_t max_bytes) {
  for (int reading = 0; reading < kReadings; ++reading) {
    const auto fd = open_beneath(root_fd, path);
    if (!fd) return fd.error();
    auto file = read_once(fd->get(), max_bytes);
    if (!file) return file.error();
    if (*file) return **std::move(file);
  }
  return Error{ErrorCode::kFileUnreadable, "the file kept changing while it was read", ""};
}

}  // namespace forkdex
