#pragma once

#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Every file of the repository `name` that is not searchable, a line each: "state path: reason
/// (detail), n attempts". ERRORS kUsage when there is no such repository, as PgConnection::run.
Result<std::string> failures_text(PgConnection& connection, const std::string& name);

/// The same as one JSON object, {"failures": […]}, and a newline. ERRORS as failures_text.
Result<std::string> failures_json(PgConnection& connection, const std::string& name);

}  // namespace forkdex
