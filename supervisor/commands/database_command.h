#pragma once

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// `supervisor database`: what the argument, start, stop or url, asks of the embedded server.
/// ERRORS as DataFolder::open, as PostgresServer's functions of these names, as write_output.
Result<int> run_database(const Invocation& invocation);

}  // namespace forkdex
