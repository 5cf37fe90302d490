#pragma once

// A child of this process, held by its pidfd: a number that was given to another process
// meanwhile is never signalled. Destroying the object kills the child and reaps it, unless the
// child was released.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "supervisor/process/exit_cause.h"

namespace forkdex {

class ChildProcess {
 public:
  /// Whom signals reach.
  enum class Reach {
    kChild,
    kSession,  ///< also the processes of its session, and what is left of them dies when it is
               ///< reaped
  };

  /// Takes over the child `pid`. REQUIRES that nobody else waits for it and, for kSession, that it
  /// leads a session. ERRORS kBug with errno; the child has been killed and reaped then.
  static Result<ChildProcess> adopt(pid_t pid, Reach reach = Reach::kChild);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  /// Sends `signal`; nothing once the child is reaped. BLOCKS never.
  void send(int signal) const;
  /// Sends SIGKILL. BLOCKS never.
  void kill() const;
  /// Calls `handler` in `context` once the child has ended; it may also be called when this object
  /// is gone.
  void when_ended(boost::asio::io_context& context, std::function<void()> handler);
  /// Reaps the child and says how it ended, or nothing where it has not ended within `timeout`.
  /// BLOCKS as long. REQUIRES that it is not reaped.
  std::optional<ExitCause> wait(std::chrono::milliseconds timeout);
  /// Reaps the child and says how it ended. BLOCKS until it has ended. Once only.
  ExitCause reap();
  /// Lets the child live when this object is destroyed. It can still be waited for.
  void release() { released_ = true; }

 private:
  ChildProcess(pid_t pid, UniqueFd pidfd, Reach reach)
      : pid_(pid), reach_(reach), pidfd_(std::move(pidfd)) {}

  int pidfd() const { return watched_ ? watched_->native_handle() : pidfd_.get(); }
  siginfo_t wait_for_end(int options) const;

  pid_t pid_;
  Reach reach_;
  bool ours_ = true;  // neither reaped nor moved from
  bool released_ = false;
  UniqueFd pidfd_;  // until its end is waited for in a context
  std::shared_ptr<boost::asio::posix::stream_descriptor> watched_;  // closed with this object
};

/// pidfd_open(2): a descriptor that can be read once `pid` has ended; invalid with errno.
UniqueFd open_pidfd(pid_t pid);

/// Sends `signal` to the process behind `pidfd`; false with errno. SIGNAL-SAFE.
bool send_signal(int pidfd, int signal);

}  // namespace forkdex
