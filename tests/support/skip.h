#pragma once

// Cases, or parts of cases, that this machine cannot test: each says so in a line of its own, so
// that they are not taken for passed. Catch2's second version has nothing for it.

#include <string>

namespace forkdex::test {

/// A run's status when every one of its cases was skipped; ctest then says Skipped
/// (SKIP_RETURN_CODE).
constexpr int kAllSkipped = 77;

/// Says that what follows in the running case is not tested, and `why`: prints a line "SKIPPED:
/// case: why" on stderr, and appends it to the file that FORKDEX_TEST_SKIPS names. The caller
/// returns. A case that asserted nothing counts as skipped, another one as tested in part.
void skip(const std::string& why);

/// The status of a run with `failed` failures: 0 without one, or kAllSkipped, else 1.
int exit_status(int failed);

}  // namespace forkdex::test
