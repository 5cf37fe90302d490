#pragma once

#include <string>

#include "common/model/precision.h"
#include "supervisor/run/output/report.h"
#include "supervisor/run/run.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// The first line of output: what is indexed, into which database, by how many workers and which
/// models, if any embeds; and a second one where the repository stood elsewhere before. Empty when
/// quiet.
std::string opening_text(const RunOpening& run, Precision precision, Verbosity verbosity);

/// What is printed when a run ends: counts, seconds a phase, the first ten files that could not be
/// indexed and how to list the rest. Quiet leaves the files alone, and nothing when there are none.
std::string summary_text(const RunFacts& facts, const Accounting& accounting, Verbosity verbosity);

}  // namespace forkdex
