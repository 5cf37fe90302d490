#pragma once

namespace forkdex {

/// Denies the system calls a worker has no use for; they fail with EPERM (clone3 and openat2 with
/// ENOSYS, so that the C library falls back to calls whose arguments can be judged): starting and
/// watching processes, signalling others, making sockets, opening for writing, changing names,
/// owners, modes and times of files, mounts, namespaces, identities, and what the kernel offers to
/// administrators and to exploits (bpf, keyrings, io_uring, userfaultfd, perf events).
///
/// A list of what is denied, not of what is allowed: libtorch, libpq and the C library call more
/// with every version, and a worker that dies of a harmless call it has never made before would be
/// worse than what is left open. For the same reason a denied call fails instead of killing.
/// Returns 0 or an errno value. REQUIRES no_new_privs.
int filter_system_calls();

}  // namespace forkdex
