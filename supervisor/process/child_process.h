#pragma once

// A child of this process, held by its pidfd: a number that was given to another process
// meanwhile is never signalled. Destroying the object kills the child and reaps it.

#include <sys/types.h>

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/error/result.h"
#include "supervisor/process/exit_cause.h"

namespace forkdex {

class ChildProcess {
 public:
  /// Takes over the child `pid`. REQUIRES that nobody else waits for it. ERRORS kBug with errno;
  /// the child has been killed and reaped then.
  static Result<ChildProcess> adopt(boost::asio::io_context& context, pid_t pid);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  /// Sends SIGKILL. BLOCKS never.
  void kill();
  /// Calls `handler` once the child has ended; it may also be called when this object is gone.
  void when_ended(std::function<void()> handler);
  /// Reaps the child and says how it ended. BLOCKS until it has ended. Once only.
  ExitCause reap();

 private:
  ChildProcess(boost::asio::io_context& context, pid_t pid, int pidfd)
      : pid_(pid),
        pidfd_(std::make_shared<boost::asio::posix::stream_descriptor>(context, pidfd)) {}

  pid_t pid_;
  bool ours_ = true;                                              // neither reaped nor moved from
  std::shared_ptr<boost::asio::posix::stream_descriptor> pidfd_;  // closed with this object
};

}  // namespace forkdex
