#pragma once

#include <string>

#include "common/error/result.h"

namespace forkdex {

/// `supervisor database VERB` on the embedded server. Gives what is to be printed. REQUIRES that
/// `verb` is start, stop or url, as the settings admit. ERRORS those of PostgresServer.
Result<std::string> run_database_command(const std::string& verb);

}  // namespace forkdex
