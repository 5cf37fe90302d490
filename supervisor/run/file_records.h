#pragma once

// What a run writes to the ledger of a file. Pure.

#include <cstdint>
#include <string>

#include "supervisor/database/file_rows.h"
#include "supervisor/run/file_job.h"
#include "supervisor/run/plan.h"

namespace forkdex {

/// The row of a file that the plan decided, under `recipe`.
FileRecord record_of(Decided&& file, const std::string& recipe);

/// The row of a file that a worker finished without storing it, under `recipe`. `limit` is what it
/// has met where it is quarantined by this run.
FileRecord record_of(FinishedFile&& file, const std::string& recipe, std::uint64_t limit);

}  // namespace forkdex
