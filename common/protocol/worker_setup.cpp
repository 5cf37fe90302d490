#include "common/protocol/worker_setup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "common/base/io.h"

namespace forkdex {

Result<UniqueFd> write_worker_setup(const WorkerSetup& setup) {
  UniqueFd memory(::memfd_create("forkdex-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid() || !write_all(memory.get(), encode(setup)))
    return system_error(ErrorCode::kBug, "the worker's settings cannot be handed over", errno);
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return memory;
}

Result<WorkerSetup> read_worker_setup(int fd) {
  std::string bytes(static_cast<std::size_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0)), '\0');
  if (read_all_at(fd, bytes, 0) != static_cast<ssize_t>(bytes.size()))
    return system_error(ErrorCode::kRingBroken, "the worker's settings cannot be read", errno);
  auto setup = decode<WorkerSetup>(bytes);
  if (!setup)
    return Error{ErrorCode::kRingBroken, "the worker's settings are not what the supervisor writes",
                 ""};
  return *std::move(setup);
}

}  // namespace forkdex
