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

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // closes on exec
}

bool send_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

Result<ChildProcess> ChildProcess::adopt(pid_t pid, Reach reach) {
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd.valid()) {
    Error error = system_error(ErrorCode::kBug, "a child process cannot be watched", errno);
    ::kill(reach == Reach::kSession ? -pid : pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return error;
  }
  return ChildProcess(pid, std::move(pidfd), reach);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(other.pid_),
      reach_(other.reach_),
      ours_(std::exchange(other.ours_, false)),
      released_(other.released_),
      pidfd_(std::move(other.pidfd_)),
      watched_(std::move(other.watched_)) {}

ChildProcess::~ChildProcess() {
  if (ours_ && !released_) {
    kill();
    reap();
  }
  boost::system::error_code ignored;
  if (watched_) watched_->close(ignored);
}

void ChildProcess::send(int signal) const {
  if (!ours_) return;
  // As long as it is not reaped, no other session can have its number.
  if (reach_ == Reach::kSession)
    ::kill(-pid_, signal);
  else
    send_signal(pidfd(), signal);
}

void ChildProcess::kill() const { send(SIGKILL); }

void ChildProcess::when_ended(boost::asio::io_context& context, std::function<void()> handler) {
  if (!watched_) {
    watched_ = std::make_shared<boost::asio::posix::stream_descriptor>(context, pidfd_.get());
    pidfd_.release();
  }
  when_readable(watched_, std::move(handler));
}

std::optional<ExitCause> ChildProcess::wait(std::chrono::milliseconds timeout) {
  if (!wait_readable(pidfd(), timeout)) return std::nullopt;
  return reap();
}

ExitCause ChildProcess::reap() {
  if (reach_ == Reach::kSession) {
    wait_for_end(WNOWAIT);
    kill();
  }
  const siginfo_t ended = wait_for_end(0);
  ours_ = false;
  return exit_cause_of(ended);
}

siginfo_t ChildProcess::wait_for_end(int options) const {
  siginfo_t info{};
  // Once its end was waited for in a context the descriptor is one that does not block, waitid(2)
  // on it included.
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd()), &info, WEXITED | options) < 0 &&
         (errno == EINTR || errno == EAGAIN)) {
    pollfd ended{pidfd(), POLLIN, 0};
    ::poll(&ended, 1, -1);
  }
  return info;
}

}  // namespace forkdex
