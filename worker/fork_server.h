#pragma once

// The fork server: a `worker` that has loaded everything incarnations have in common, holds no
// file, no connection and no second thread, and clones one ready incarnation a request
// (common/protocol/fork_request.h). The clones are the supervisor's own children (CLONE_PARENT): it
// waits for them and they outlive this process. Killed, it costs no worker.
//
// A clone is made by the bare system call, because glibc's fork() cannot pass CLONE_PARENT. What
// fork() does beside it is made up for: the C library's notion of the thread's number and the
// list of robust mutexes are the clone's own. Handlers of pthread_atfork do not run; those of the
// libraries we load put threads in order, of which there is only one.

#include "common/error/result.h"

namespace forkdex {

enum class Forked {
  kIncarnation,  ///< this process is a new worker: its descriptors stand as worker_setup.h says
  kDone,         ///< this process is the fork server, and the supervisor has closed the socket
};

/// Says that the fork server is ready, and serves requests on kForkSocketFd. Comes back once in
/// every clone and once in the fork server. `flag` is the argument that asked for the fork server;
/// it is taken out of the clones' command line. REQUIRES that every descriptor below kFirstFreeFd
/// is in use. ERRORS kBug where clones would not be sound: a second thread, or a kernel that does
/// not say where the C library keeps the thread's number.
Result<Forked> serve_forks(char* flag);

}  // namespace forkdex
