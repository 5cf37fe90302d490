#include "supervisor/fleet/fleet.h"

#include <algorithm>
#include <utility>

#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

WorkerPool::Options with_fork_server(WorkerPool::Options options, ForkServer& fork_server) {
  options.fork_server = &fork_server;
  return options;
}

/// Divides the memory among the places, which is to be done before the first worker.
void divide(MemoryLimits& memory, unsigned places, std::uint64_t memory_per_worker) {
  memory.divide(places, memory_per_worker);
  if (memory.kind() == MemoryLimits::Kind::kNone)
    log_warning("memory.limited_by_process", {{"reason", memory.shortcoming()}});
}

}  // namespace

Fleet::Fleet(boost::asio::io_context& context, Options options, WorkerPool::Events events)
    : memory_(options.workers.memory),
      most_workers_(options.most_workers),
      memory_per_worker_(options.memory_per_worker),
      fork_server_(
          std::make_unique<ForkServer>(context, options.workers.executable, options.workers.setup)),
      pool_(context, with_fork_server(std::move(options.workers), *fork_server_),
            std::move(events)) {}

void Fleet::employ(std::size_t workers) {
  const bool is_first = wanted_ == 0;
  const std::size_t most = most_workers_;
  wanted_ = std::max(wanted_, static_cast<unsigned>(std::min(workers, most)));
  if (settled_) return pool_.employ(wanted_);
  if (!is_first || wanted_ == 0) return;
  if (memory_) divide(*memory_, most_workers_, memory_per_worker_);
  fork_server_->start([this] {
    settled_ = true;
    pool_.employ(wanted_);
  });
}

void Fleet::drain() { pool_.drain(); }

void Fleet::kill(const std::string& reason) { pool_.kill(reason); }

void Fleet::close() { fork_server_.reset(); }

}  // namespace forkdex
