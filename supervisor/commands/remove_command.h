#pragma once

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// `supervisor remove`: deletes the rows of the repository that the argument names, then its clone.
/// ERRORS as DatabaseAccess::open, remove_repository and remove_clone. CRASH in between leaves the
/// clone, which the next run over the same URL takes up.
Result<int> run_remove(const Invocation& invocation);

}  // namespace forkdex
