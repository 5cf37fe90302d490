#pragma once

namespace forkdex {

/// Empties the bounding and ambient sets and drops every capability of the calling thread, but for
/// CAP_DAC_READ_SEARCH where it has that. A set that only shrinks leaves the parent-death signal
/// and /proc's readability as they are. Returns 0 or an errno value.
int drop_capabilities();

}  // namespace forkdex
