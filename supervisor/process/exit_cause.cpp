#include "supervisor/process/exit_cause.h"

#include <cstring>

#include <fmt/format.h>

namespace forkdex {
namespace {

struct Describe {
  std::string operator()(const Exited& exited) const {
    return fmt::format("exited with status {}", exited.status);
  }
  std::string operator()(const Signaled& signaled) const {
    return fmt::format("was killed by signal {} ({}){}", signaled.signal,
                       ::strsignal(signaled.signal), signaled.core_dumped ? ", core dumped" : "");
  }
  std::string operator()(const OutOfMemory& killed) const {
    return fmt::format("was killed by the kernel: the memory of the {} ran out", killed.scope);
  }
  std::string operator()(const TimedOut& killed) const {
    return fmt::format("was ended: nothing had moved in {} for {} s", killed.stage,
                       killed.limit.count());
  }
  std::string operator()(const KilledByUs& killed) const {
    return fmt::format("was ended: {}", killed.reason);
  }
};

}  // namespace

ExitCause exit_cause_of(const siginfo_t& ended) {
  if (ended.si_code == CLD_EXITED) return Exited{ended.si_status};
  return Signaled{ended.si_status, ended.si_code == CLD_DUMPED};
}

std::string describe(const ExitCause& cause) { return std::visit(Describe{}, cause); }

}  // namespace forkdex
