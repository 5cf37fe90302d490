#pragma once

// What the supervisor and its fork server say to each other, over a socket (SOCK_SEQPACKET) that
// both hold: a request for one incarnation with the descriptors it shall find, and the answer.
//
// A request is answered by the fork server and by the new incarnation, whichever comes first: so
// the supervisor learns of a clone though one of the two is killed right after it. Answers carry
// the request's number, and the second one is ignored.
//
// The fork server's own start is answered as request 0.

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "common/protocol/child_limits.h"
#include "common/protocol/worker_setup.h"

namespace forkdex {

/// The argument that makes a `worker` a fork server.
inline constexpr char kForkServerFlag[] = "--fork-server";

/// Where a fork server finds its socket. The other numbers up to kFirstFreeFd are in use as well,
/// so that no descriptor it receives has a number which the incarnation's are to get.
inline constexpr int kForkSocketFd = kSegmentFd;

/// What a new worker finds open: descriptors 3, 4, 5, 6 and its standard error. Owns nothing.
struct InheritedFds {
  std::array<int, kFirstFreeFd - kSegmentFd> fds;
  int errors;
};

/// A request as it arrives. Owns its descriptors.
struct ForkRequest {
  std::uint32_t number = 0;
  ChildLimits limits;  ///< its cgroup_procs_fd is `cgroup`
  std::array<UniqueFd, kFirstFreeFd - kSegmentFd> fds;
  UniqueFd errors;
  UniqueFd cgroup;
};

struct ForkAnswer {
  std::uint32_t number;
  pid_t pid;    ///< of the incarnation; -1 where there is none
  int problem;  ///< then its errno
};

/// Asks for an incarnation. BLOCKS never. ERRORS kBug with errno: nobody listens, or not fast
/// enough.
Result<void> send_fork_request(int socket, std::uint32_t number, const InheritedFds& inherited,
                               const ChildLimits& limits);

/// Waits for the next request; nothing once the supervisor has closed its end. BLOCKS without
/// limit. ERRORS kBug for what no supervisor sends.
Result<std::optional<ForkRequest>> receive_fork_request(int socket);

/// Answers; a supervisor that is gone is not missed. SIGNAL-SAFE.
void send_fork_answer(int socket, const ForkAnswer& answer) noexcept;

/// Waits for the next answer; nothing once all who could answer are gone, or it is `until`.
std::optional<ForkAnswer> receive_fork_answer(int socket,
                                              std::chrono::steady_clock::time_point until);

}  // namespace forkdex
