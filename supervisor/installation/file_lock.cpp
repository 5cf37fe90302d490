#include "supervisor/installation/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>

#include <fmt/format.h>

namespace forkdex {
namespace {

bool lock(int fd, int operation) {
  int result = 0;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

Result<FileLock> FileLock::open(const std::filesystem::path& path) {
  FileLock opened;
  opened.fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!opened.valid())
    return system_error(errno == ENOSPC ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
                        fmt::format("the lock {} cannot be opened", path.string()), errno);
  return opened;
}

void FileLock::lock_shared() { lock(fd_.get(), LOCK_SH); }
bool FileLock::try_exclusive() { return lock(fd_.get(), LOCK_EX | LOCK_NB); }
void FileLock::unlock() { lock(fd_.get(), LOCK_UN); }

bool FileLock::is_at(const std::filesystem::path& path) const {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd_.get(), &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

void FileLock::sign() {
  clear();
  const std::string pid = std::to_string(::getpid());
  // Unsigned, it is a lock all the same.
  static_cast<void>(!::pwrite(fd_.get(), pid.data(), pid.size(), 0));
}

void FileLock::clear() { static_cast<void>(!::ftruncate(fd_.get(), 0)); }

std::optional<int> FileLock::holder() const {
  char text[16];
  const ssize_t size = ::pread(fd_.get(), text, sizeof text, 0);
  int pid = 0;
  if (size <= 0 || std::from_chars(text, text + size, pid).ec != std::errc() || pid <= 0)
    return std::nullopt;
  const bool alive = ::kill(pid, 0) == 0 || errno == EPERM;
  return alive ? std::optional(pid) : std::nullopt;
}

}  // namespace forkdex
