#pragma once

// One worker incarnation seen from the supervisor: its process (cloned by the fork server, or
// started afresh, and a child of ours either way), its job segment and its standard error. Only
// this class signals or reaps it.
//
// The child dies with the supervisor (PR_SET_PDEATHSIG) and stands in a session of its own, so
// that a terminal's Ctrl-C reaches the supervisor alone, which drains. Destroying a WorkerProcess
// kills and reaps what still runs.

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "common/protocol/child_limits.h"
#include "common/protocol/segment.h"
#include "common/protocol/worker_setup.h"
#include "supervisor/process/exit_cause.h"

namespace forkdex {

class ForkServer;

class WorkerProcess {
 public:
  struct Events {
    std::function<void()> woke;             ///< the worker became ready or finished something
    std::function<void(ExitCause)> exited;  ///< it is reaped; the last event
  };

  /// Has `fork_server` clone a worker, or starts `executable` where that is not possible or none
  /// is given. BLOCKS for milliseconds, or until the exec happened. ERRORS kBug naming what cannot
  /// be started. THREAD the main one: PDEATHSIG follows it.
  static Result<std::unique_ptr<WorkerProcess>> spawn(boost::asio::io_context& context,
                                                      const std::filesystem::path& executable,
                                                      const WorkerSetup& setup, Events events,
                                                      const ChildLimits& limits = {},
                                                      ForkServer* fork_server = nullptr);
  ~WorkerProcess();

  JobSender& jobs();
  pid_t pid() const;
  /// Proportional set size in bytes, 0 when it cannot be read.
  std::uint64_t pss_bytes() const;
  /// The last lines the worker wrote to standard error, at most 4 KiB.
  std::string stderr_tail() const;
  /// Sends SIGKILL; `exited` follows with `cause`.
  void kill(ExitCause cause);

 private:
  struct State;
  explicit WorkerProcess(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with pending handlers, which outlive nothing else
};

}  // namespace forkdex
