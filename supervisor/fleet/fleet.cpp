#include "supervisor/fleet/fleet.h"

#include <algorithm>
#include <utility>

#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

/// Divides the memory among the places, which is to be done before the first worker.
void divide(MemoryLimits& memory, unsigned places, std::uint64_t memory_per_worker) {
  memory.divide(places, memory_per_worker);
  if (memory.kind() == MemoryLimits::Kind::kNone)
    log_warning("memory.limited_by_process", {{"reason", memory.shortcoming()}});
}

}  // namespace

Fleet::Fleet(boost::asio::io_context& context, Options options, WorkerPool::Events events)
    : context_(context),
      executable_(options.workers.executable),
      setup_(options.workers.setup),
      memory_(options.workers.memory),
      most_workers_(options.most_workers),
      memory_per_worker_(options.memory_per_worker),
      pool_(context, std::move(options.workers), std::move(events)) {}

void Fleet::employ(std::size_t workers, bool embeds) {
  const std::size_t most = most_workers_;
  wanted_ = std::max(wanted_, static_cast<unsigned>(std::min(workers, most)));
  if (wanted_ == 0) return;
  if (!fork_server_) {
    if (memory_) divide(*memory_, most_workers_, memory_per_worker_);
    return start_fork_server(embeds);
  }
  if (embeds && !setup_.tuning.embeds) return start_fork_server(true);
  if (settled_) pool_.employ(wanted_);
}

/// Workers that an earlier fork server cloned finish what they have taken.
void Fleet::start_fork_server(bool embeds) {
  setup_.tuning.embeds = embeds;
  settled_ = false;
  auto fork_server = std::make_unique<ForkServer>(context_, executable_, setup_);
  pool_.equip(embeds, fork_server.get());
  fork_server_ = std::move(fork_server);
  fork_server_->start([this] {
    settled_ = true;
    pool_.employ(wanted_);
  });
}

void Fleet::drain() { pool_.drain(); }

void Fleet::kill(const std::string& reason) { pool_.kill(reason); }

void Fleet::close() { fork_server_.reset(); }

}  // namespace forkdex
