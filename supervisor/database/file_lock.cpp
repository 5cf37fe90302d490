#include "supervisor/database/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

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

}  // namespace forkdex
