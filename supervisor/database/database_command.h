#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace forkdex {

/// `supervisor database start|stop|url` on the embedded server. Gives what is to be printed.
/// ERRORS kUsage for another verb; those of PostgresServer.
Result<std::string> run_database_command(const std::vector<std::string>& arguments);

}  // namespace forkdex
