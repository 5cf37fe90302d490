#include "supervisor/fleet/launch.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "supervisor/process/spawn.h"

namespace forkdex {
namespace {

/// What a worker may not find in its environment: the URL may hold a password.
constexpr std::array<std::string_view, 4> kWithheld = {"DATABASE_URL", "FORKDEX_DATABASE_URL",
                                                       "PGPASSWORD", "OMP_NUM_THREADS"};
/// What it must: one compute thread a process; and small caches of oneDNN's primitives, of which
/// every number of tokens in a batch needs its own (docs/benchmarks.md: 80 MB less, no slower).
constexpr std::array<std::string_view, 4> kGiven = {"OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=1",
                                                    "ONEDNN_PRIMITIVE_CACHE_CAPACITY=16",
                                                    "LRU_CACHE_CAPACITY=16"};

}  // namespace

Result<ChildProcess> launch(const std::filesystem::path& executable,
                            const std::vector<std::string>& arguments,
                            const InheritedFds& inherited, const ChildLimits& limits) {
  if (::access(executable.c_str(), X_OK) != 0)
    return system_error(ErrorCode::kBug, executable.string() + " cannot be run", errno);
  ChildSpec spec;
  spec.program = executable.string();
  spec.arguments = arguments;
  spec.environment = our_environment(kWithheld, kGiven);
  spec.errors = inherited.errors;
  for (std::size_t i = 0; i < inherited.fds.size(); ++i)
    spec.kept.push_back({inherited.fds[i], kSegmentFd + static_cast<int>(i)});
  spec.death_signal = SIGKILL;
  spec.limits = limits;
  auto child = spawn(spec);
  if (child) return child;
  return Error{ErrorCode::kBug, executable.string() + " cannot be started",
               fmt::format("{}: {}", child.error().sentence, child.error().context)};
}

}  // namespace forkdex
