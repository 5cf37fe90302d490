#pragma once

#include <string>

#include "common/model/precision.h"
#include "common/model/view_models.h"
#include "supervisor/run/output/report.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// The first line of output: what is indexed, into which database, by how many workers and which
/// models; and a second one where the repository stood elsewhere before. Empty when quiet.
std::string opening_text(const std::string& repository, const std::string& root,
                         const std::string& moved_from, const std::string& database,
                         unsigned workers, const ViewModels& models, Precision precision,
                         Verbosity verbosity);

/// What is printed when a run ends: counts, seconds a phase, the first ten files that could not be
/// indexed and how to list the rest. Quiet leaves the files alone, and nothing when there are none.
std::string summary_text(const RunFacts& facts, const Accounting& accounting, Verbosity verbosity);

}  // namespace forkdex
