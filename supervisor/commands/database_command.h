#pragma once

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// `supervisor database`: what the argument, start, stop or url, asks of the embedded server; index
/// builds the vector indexes that are missing in the database in use. ERRORS as DataFolder::open,
/// as PostgresServer's functions of these names, as DatabaseAccess::open, as build_vector_index, as
/// write_output.
Result<int> run_database(const Invocation& invocation);

}  // namespace forkdex
