#pragma once

#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// Every file of the repository `name` that is not searchable, a line each: "state path: reason
/// (detail), n attempts". ERRORS kUsage when there is no such repository, as PgConnection::run.
Result<std::string> failures_text(PgConnection& connection, const std::string& name);

/// The same as one JSON object, {"failures": […]}, and a newline. ERRORS as failures_text.
Result<std::string> failures_json(PgConnection& connection, const std::string& name);

/// `supervisor failures`: prints them for the repository that the argument names. ERRORS as
/// DatabaseAccess::open, failures_text and write_output.
Result<int> run_failures(const Invocation& invocation);

}  // namespace forkdex
