#pragma once

// The workers of a run, for all its phases: a fork server that loads once what workers have in
// common, and the pool whose incarnations it clones. No process is started before the first
// employ(), and none loads libtorch and the models before one that embeds.
//
// Runs on the io_context's one thread. Destroyed, it kills and reaps every process.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "supervisor/fleet/fork_server.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/fleet/worker_pool.h"

namespace forkdex {

class Fleet {
 public:
  struct Options {
    WorkerPool::Options workers;  ///< its fork server is the fleet's own
    unsigned most_workers = 1;
    std::uint64_t memory_per_worker = 0;  ///< bytes
  };

  Fleet(boost::asio::io_context& context, Options options, WorkerPool::Events events);

  /// Has at least `workers` workers, at most Options::most_workers, once the fork server is ready
  /// or could not be started. The first time that they are to embed, those that cannot are
  /// replaced.
  void employ(std::size_t workers, bool embeds);

  /// Workers finish what they have taken, and no other is started. `drained` follows.
  void drain();
  /// Ends every worker at once. `drained` follows.
  void kill(const std::string& reason);
  /// Ends the fork server too. REQUIRES that the fleet has drained.
  void close();

  WorkerPool& pool() { return pool_; }
  const WorkerPool& pool() const { return pool_; }

 private:
  void start_fork_server(bool embeds);

  boost::asio::io_context& context_;
  const std::filesystem::path executable_;
  WorkerSetup setup_;
  MemoryLimits* memory_;  // may be null
  unsigned most_workers_;
  std::uint64_t memory_per_worker_;
  // Outside any worker's memory group: the weights are charged to none.
  std::unique_ptr<ForkServer> fork_server_;  // none before the first employ()
  WorkerPool pool_;
  unsigned wanted_ = 0;   // workers
  bool settled_ = false;  // the fork server
};

}  // namespace forkdex
