#include "supervisor/terminal/output.h"

#include <fcntl.h>

#include <cerrno>

namespace forkdex {

Result<void> write_output(std::string_view text, std::FILE* stream) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
  if (written || errno == EPIPE || (errno == EBADF && stream == stderr)) return {};
  return system_error(errno == ENOSPC ? ErrorCode::kDiskFull : ErrorCode::kPathUnusable,
                      "the output cannot be written", errno);
}

Result<void> check_output(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int access = flags & O_ACCMODE;
  if (flags >= 0 && (flags & O_PATH) == 0 && (access == O_WRONLY || access == O_RDWR)) return {};
  return Error{
      ErrorCode::kPathUnusable,
      "standard output is closed, and this command prints its answer there: redirect it to "
      "a file, or to /dev/null",
      ""};
}

}  // namespace forkdex
