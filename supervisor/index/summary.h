#pragma once

#include <string>

#include "common/settings.h"
#include "supervisor/index/report.h"

namespace forkdex {

/// What is printed when a run ends: counts, seconds a phase, the first ten files that could not be
/// indexed and how to list the rest. Quiet leaves the files alone, and nothing when there are none.
std::string summary_text(const RunFacts& facts, const Accounting& accounting, Verbosity verbosity);

}  // namespace forkdex
