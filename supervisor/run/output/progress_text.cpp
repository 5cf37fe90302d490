#include "supervisor/run/output/progress_text.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/path_text.h"
#include "common/base/terminal_text.h"

namespace forkdex {

std::string clock_text(std::chrono::seconds time) {
  const auto all = time.count();
  if (all < 3600) return fmt::format("{}:{:02}", all / 60, all % 60);
  return fmt::format("{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60);
}

std::string file_line(unsigned slot, const FinishedFile& file) {
  const auto& [state, reason, detail, attempts] = file.verdict;
  std::string line = fmt::format("{} {}: ", name(state), printable(escape_path(file.path)));
  if (!reason.empty()) line += reason + ", ";
  if (!detail.empty()) line += printable(detail) + ", ";
  if (state == FileState::kIndexed) line += fmt::format("{} chunks, ", file.chunks);
  if (attempts > 1) line += fmt::format("attempt {}, ", attempts);
  return line + fmt::format("{:.2f} s, worker {}\n", to_seconds(file.elapsed), slot);
}

void write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // someone made the terminal non-blocking
      pollfd waiting{fd, POLLOUT, 0};
      ::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace forkdex
