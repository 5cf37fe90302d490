#include "supervisor/database/server/server_process.h"

#include <signal.h>

#include <fmt/format.h>

#include "supervisor/process/spawn.h"

namespace forkdex {

Result<ChildProcess> spawn_server_process(const ServerCommand& command, const ServerUser& user) {
  ChildSpec spec;
  spec.program = command.program.string();
  spec.arguments = command.arguments;
  spec.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
  spec.working_folder = command.working_folder;
  spec.output = command.output;
  spec.errors = command.output;
  if (command.kept >= 0) spec.kept.push_back({command.kept, command.kept});
  if (command.dies_with_us) spec.death_signal = SIGKILL;
  spec.user = user.for_child();
  spec.umask = 077;
  for (int signal = 1; signal < NSIG; ++signal) spec.default_signals.push_back(signal);
  auto child = spawn(spec);
  if (!child)
    return Error{ErrorCode::kDatabaseUnusable,
                 fmt::format("PostgreSQL's {} cannot be run: {}",
                             command.program.filename().string(), child.error().sentence),
                 child.error().context};
  if (!command.dies_with_us) child->release();
  return child;
}

}  // namespace forkdex
