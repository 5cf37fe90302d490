#include "supervisor/terminal/output.h"

#include <cerrno>

namespace forkdex {

Result<void> write_output(std::string_view text, std::FILE* stream) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
  if (written || errno == EPIPE) return {};
  return system_error(errno == ENOSPC ? ErrorCode::kDiskFull : ErrorCode::kPathUnusable,
                      "the output cannot be written", errno);
}

}  // namespace forkdex
