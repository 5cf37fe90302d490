#include "supervisor/process/child_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "supervisor/process/readable.h"

namespace forkdex {

Result<ChildProcess> ChildProcess::adopt(boost::asio::io_context& context, pid_t pid) {
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // closes on exec
  if (pidfd < 0) {
    Error error = system_error(ErrorCode::kBug, "a child process cannot be watched", errno);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return ChildProcess(context, pid, pidfd);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(other.pid_), ours_(std::exchange(other.ours_, false)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess::~ChildProcess() {
  if (!pidfd_) return;
  if (ours_) {
    kill();
    reap();
  }
  boost::system::error_code ignored;
  pidfd_->close(ignored);
}

void ChildProcess::kill() {
  if (ours_) ::syscall(SYS_pidfd_send_signal, pidfd_->native_handle(), SIGKILL, nullptr, 0);
}

void ChildProcess::when_ended(std::function<void()> handler) {
  when_readable(pidfd_, std::move(handler));
}

ExitCause ChildProcess::reap() {
  siginfo_t info{};
  const int pidfd = pidfd_->native_handle();
  // Once its end was waited for the descriptor is one that does not block, waitid(2) on it
  // included.
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) < 0 &&
         (errno == EINTR || errno == EAGAIN)) {
    pollfd ended{pidfd, POLLIN, 0};
    ::poll(&ended, 1, -1);
  }
  ours_ = false;
  return exit_cause_of(info);
}

}  // namespace forkdex
