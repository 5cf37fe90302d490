#pragma once

// How a process ended, told apart so that a bare "137" never travels alone.

#include <signal.h>

#include <chrono>
#include <string>
#include <variant>

namespace forkdex {

struct Exited {
  int status;
};
struct Signaled {
  int signal;
  bool core_dumped;
};
/// The kernel ended it because memory ran out: the "worker"'s own, the "container"'s or the
/// "machine"'s.
struct OutOfMemory {
  std::string scope;
};
/// We ended it because nothing had moved for `limit`.
struct TimedOut {
  std::string stage;  ///< what it was at: "parse", "start", ...
  std::chrono::seconds limit;
};
/// We ended it for another reason.
struct KilledByUs {
  std::string reason;
  bool own_fault = false;  ///< what it did made us; false where it only was in the way
};

using ExitCause = std::variant<Exited, Signaled, OutOfMemory, TimedOut, KilledByUs>;

/// Reads what waitid(2) with WEXITED said.
ExitCause exit_cause_of(const siginfo_t& ended);

/// "exited with status 70", "was killed by signal 9 (Killed)", ...
std::string describe(const ExitCause& cause);

}  // namespace forkdex
