#pragma once

// Which function runs which subcommand. What the command line says of a subcommand, its name,
// arguments and sentence, is a row of supervisor/settings/settings_table.cpp, since settings do not
// include commands. A Subcommand that lacks a row in either table does not compile.

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// Runs a subcommand to its end, prints what it answers, and returns the exit status. REQUIRES an
/// invocation of that subcommand, as parse_invocation gives it. ERRORS those that its header names;
/// the caller prints them.
using Command = Result<int> (*)(const Invocation& invocation);

/// The command of `subcommand`.
Command command_of(Subcommand subcommand);

/// Whether `invocation` prints an answer on standard output, whatever it finds.
bool prints_answer(const Invocation& invocation);

}  // namespace forkdex
