#pragma once

#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/repositories.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// The repositories, or only `name` unless it is empty. The run_status of a run that died without a
/// word reads "interrupted", not "running". ERRORS kUsage when `name` does not exist, as
/// PgConnection::run.
Result<std::vector<RepositoryStatus>> repository_statuses(PgConnection& connection,
                                                          const std::string& name);

/// A few lines a repository.
std::string statuses_text(const std::vector<RepositoryStatus>& statuses);

/// One JSON object, {"repositories": […]}, and a newline.
std::string statuses_json(const std::vector<RepositoryStatus>& statuses);

/// `supervisor status`: prints all of them, or the one that an argument names. ERRORS as
/// DatabaseAccess::open, repository_statuses and write_output.
Result<int> run_status(const Invocation& invocation);

}  // namespace forkdex
