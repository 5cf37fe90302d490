#pragma once

// How a process ended, told apart so that a bare "137" never travels alone.

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
/// We ended it, and why.
struct KilledByUs {
  std::string reason;
};

using ExitCause = std::variant<Exited, Signaled, KilledByUs>;

/// Reads a wait status (wait(2)).
ExitCause exit_cause_of(int wait_status);

/// "exited with status 70", "was killed by signal 9 (Killed)", ...
std::string describe(const ExitCause& cause);

}  // namespace forkdex
