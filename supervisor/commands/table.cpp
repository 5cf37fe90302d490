#include "supervisor/commands/table.h"

#include "supervisor/commands/database_command.h"
#include "supervisor/commands/doctor.h"
#include "supervisor/commands/failures.h"
#include "supervisor/commands/index_command.h"
#include "supervisor/commands/remove_command.h"
#include "supervisor/commands/search_command.h"
#include "supervisor/commands/status.h"

// Without a default, so that the compiler names the Subcommand whose row is missing.
#pragma GCC diagnostic error "-Wswitch"

namespace forkdex {
namespace {

constexpr Command find_command(Subcommand subcommand) {
  switch (subcommand) {
    case Subcommand::kIndex:
      return run_index;
    case Subcommand::kSearch:
      return run_search;
    case Subcommand::kStatus:
      return run_status;
    case Subcommand::kFailures:
      return run_failures;
    case Subcommand::kRemove:
      return run_remove;
    case Subcommand::kDatabase:
      return run_database;
    case Subcommand::kDoctor:
      return run_doctor;
  }
  return nullptr;
}

// The settings check their rows against this count, and the switch knows what it must be.
static_assert(find_command(static_cast<Subcommand>(kSubcommandCount)) == nullptr,
              "kSubcommandCount must count every Subcommand");

}  // namespace

Command command_of(Subcommand subcommand) { return find_command(subcommand); }

bool prints_answer(const Invocation& invocation) {
  if (invocation.request != Invocation::Request::kRun) return true;
  const Settings& settings = invocation.settings;
  switch (invocation.subcommand) {
    case Subcommand::kRemove:
      return false;
    case Subcommand::kIndex:
      return settings.verbosity != Verbosity::kQuiet || settings.report == "-";
    case Subcommand::kSearch:
    case Subcommand::kStatus:
    case Subcommand::kFailures:
    case Subcommand::kDatabase:
    case Subcommand::kDoctor:
      return true;
  }
  return true;
}

}  // namespace forkdex
