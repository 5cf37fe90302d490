#include "common/protocol/fork_request.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace forkdex {
namespace {

/// The bytes of a request; its descriptors travel beside them.
struct RequestBytes {
  std::uint64_t data_bytes;
  std::uint32_t number;
  std::uint32_t first_to_go;
};

constexpr std::size_t kWorkerFds = kFirstFreeFd - kSegmentFd;
constexpr std::size_t kFewestFds = kWorkerFds + 1;  // standard error
constexpr std::size_t kMostFds = kFewestFds + 1;    // the memory group

/// Room for a control message with as many descriptors as a request can have.
union FdMessage {
  char bytes[CMSG_SPACE(kMostFds * sizeof(int))];
  cmsghdr aligned;
};

std::vector<UniqueFd> take_fds(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= part->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<void> send_fork_request(int socket, std::uint32_t number, const InheritedFds& inherited,
                               const ChildLimits& limits) {
  std::array<int, kMostFds> fds{};
  std::copy(inherited.fds.begin(), inherited.fds.end(), fds.begin());
  fds[kWorkerFds] = inherited.errors;
  fds[kFewestFds] = limits.cgroup_procs_fd;
  const std::size_t fd_bytes = (limits.cgroup_procs_fd >= 0 ? kMostFds : kFewestFds) * sizeof(int);

  RequestBytes request{limits.data_bytes, number, limits.first_to_go};
  iovec bytes{&request, sizeof request};
  FdMessage control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(fd_bytes);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fd_bytes);
  std::memcpy(CMSG_DATA(part), fds.data(), fd_bytes);
  if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return system_error(ErrorCode::kBug, "the fork server cannot be asked", errno);
  return {};
}

Result<std::optional<ForkRequest>> receive_fork_request(int socket) {
  RequestBytes bytes{};
  iovec into{&bytes, sizeof bytes};
  FdMessage control{};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return system_error(ErrorCode::kBug, "the supervisor cannot be heard", errno);
  if (size == 0) return std::optional<ForkRequest>();
  std::vector<UniqueFd> fds = take_fds(message);
  if (size != sizeof bytes || fds.size() < kFewestFds || fds.size() > kMostFds)
    return Error{ErrorCode::kBug, "a request to fork is not what a supervisor sends", ""};
  ForkRequest request;
  request.number = bytes.number;
  std::move(fds.begin(), fds.begin() + kWorkerFds, request.fds.begin());
  request.errors = std::move(fds[kWorkerFds]);
  if (fds.size() == kMostFds) request.cgroup = std::move(fds[kFewestFds]);
  request.limits = {request.cgroup.get(), bytes.data_bytes, bytes.first_to_go != 0};
  return std::optional<ForkRequest>(std::move(request));
}

void send_fork_answer(int socket, const ForkAnswer& answer) noexcept {
  [[maybe_unused]] const auto sent = ::send(socket, &answer, sizeof answer, MSG_NOSIGNAL);
}

std::optional<ForkAnswer> receive_fork_answer(int socket,
                                              std::chrono::steady_clock::time_point until) {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    pollfd readable{socket, POLLIN, 0};
    const int ready = ::poll(&readable, 1, std::max(0, static_cast<int>(left.count())));
    if (ready < 0 && errno == EINTR) continue;
    ForkAnswer answer{};
    if (ready <= 0 || ::recv(socket, &answer, sizeof answer, MSG_DONTWAIT) != sizeof answer)
      return std::nullopt;
    return answer;
  }
}

}  // namespace forkdex
