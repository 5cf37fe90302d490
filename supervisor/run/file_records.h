#pragma once

// What a run writes to the ledger of a file. Pure.

#include <string>

#include "common/jobs/job.h"
#include "supervisor/database/file_rows.h"
#include "supervisor/run/plan.h"

namespace forkdex {

/// The row of a file that the plan decided, under `recipe`.
FileRecord record_of(Decided&& file, const std::string& recipe);

/// The row of a file that a worker finished without storing it, under `recipe`.
FileRecord record_of(const Job& job, const Outcome& outcome, const std::string& recipe);

}  // namespace forkdex
