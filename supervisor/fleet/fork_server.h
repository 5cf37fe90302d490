#pragma once

// The supervisor's side of the fork server (worker/fork_server.h): starts it, asks it for worker
// incarnations, starts it again when it dies. While there is none, workers are started afresh by
// whoever asked: the fork server makes a start faster, and nothing depends on it.
//
// Runs on the io_context's one thread. The process dies with the supervisor; destroying the object
// kills and reaps it. Workers it has cloned are the supervisor's children and go on.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "common/protocol/fork_request.h"

namespace forkdex {

class ForkServer {
 public:
  struct Deadlines {
    /// For loading everything; a fork server that takes longer is ended.
    std::chrono::milliseconds start{20'000};
    /// For a clone, which takes milliseconds; a fork server that takes longer is ended.
    std::chrono::milliseconds answer{2'000};
  };

  /// Of `setup`, models and tuning go to the process, and nothing of a database or repository.
  ForkServer(boost::asio::io_context& context, std::filesystem::path executable,
             const WorkerSetup& setup);
  ForkServer(boost::asio::io_context& context, std::filesystem::path executable,
             const WorkerSetup& setup, Deadlines deadlines);
  ~ForkServer();

  /// Starts the process. `settled` is called once, from the event loop: it is ready, or its first
  /// start has failed. THREAD the main one (PDEATHSIG follows it).
  void start(std::function<void()> settled);

  /// Clones a worker that finds `inherited` open, under `limits`. GIVES the pid of a child of this
  /// process, which the caller is to reap (ChildProcess::adopt); nothing while there is no fork
  /// server. BLOCKS for milliseconds; up to Deadlines::answer once, when the fork server hangs.
  std::optional<pid_t> fork(const InheritedFds& inherited, const ChildLimits& limits);

  /// The process, whether it is ready or not; -1 when there is none.
  pid_t pid() const;
  bool ready() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with pending handlers
};

}  // namespace forkdex
