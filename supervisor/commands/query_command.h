#pragma once

// The subcommands that ask about what is stored. Each opens the database, asks, and prints.

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// Answers `search`, `status`, `failures`, `remove` or `doctor` on standard output.
/// REQUIRES one of these subcommands. ERRORS those of the database and the model; kUsage for a
/// repository that is not stored.
Result<void> run_query(const Invocation& invocation);

}  // namespace forkdex
