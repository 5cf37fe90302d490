#pragma once

#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/repositories.h"

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

}  // namespace forkdex
