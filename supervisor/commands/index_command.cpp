#include "supervisor/commands/index_command.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "supervisor/run/index_run.h"

namespace forkdex {
namespace {

/// Dies of `signal`; as PID 1, which signals do not end by default, gives the status that a shell
/// would report.
int end_by(int signal) {
  if (::getpid() == 1) return 128 + signal;
  std::fflush(nullptr);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  return 128 + signal;
}

}  // namespace

Result<int> run_index(const Invocation& invocation) {
  // What the run owns, a server and groups among it, is let go of before we may die of a signal.
  const auto end = IndexRun(invocation.settings, invocation.arguments.front()).run();
  if (!end) return end.error();
  return end->signal ? end_by(end->signal) : end->exit_status;
}

}  // namespace forkdex
