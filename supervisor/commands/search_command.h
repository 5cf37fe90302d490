#pragma once

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// `supervisor search`: prints what answer() finds for the argument. ERRORS as read_view_models,
/// DatabaseAccess::open, answer and write_output.
Result<int> run_search(const Invocation& invocation);

}  // namespace forkdex
