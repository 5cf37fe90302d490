#pragma once

namespace forkdex {

/// Unsets every variable whose name begins with PG, in this process and so in its children: libpq
/// takes settings and defaults from dozens of them, meant for the servers that the user's other
/// programs reach. For commands that reach no server but the embedded one. REQUIRES that no other
/// thread runs.
void unset_libpq_variables();

}  // namespace forkdex
