#pragma once

// The subcommands that ask or change the database without a run: each opens it, does its work and
// gives what is to be printed on standard output.

#include <string>
#include <vector>

#include "common/result.h"
#include "common/settings.h"

namespace forkdex {

/// `supervisor search QUERY`: embeds the query in a worker and lists the nearest chunks. A database
/// without vectors of the model has none; that is no error.
/// ERRORS those of DatabaseAccess::open, ModelFolder::read, embed_query and nearest.
Result<std::string> search_command(const Settings& settings, const std::string& query);

/// `supervisor status [NAME]`. ERRORS kUsage for an unknown name, those of DatabaseAccess::open.
Result<std::string> status_command(const Settings& settings,
                                   const std::vector<std::string>& arguments);

/// `supervisor failures NAME`. ERRORS as status_command.
Result<std::string> failures_command(const Settings& settings, const std::string& name);

/// `supervisor remove NAME`. ERRORS as status_command, kClaimHeld while a run works on it.
Result<std::string> remove_command(const Settings& settings, const std::string& name);

/// `supervisor doctor`. A database or model that cannot be used is part of the answer.
Result<std::string> doctor_command(const Settings& settings);

}  // namespace forkdex
