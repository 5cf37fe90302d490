#include "worker/fork_server.h"

#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include "common/error/fault.h"
#include "common/protocol/fork_request.h"

namespace forkdex {
namespace {

/// What the C library has registered with the kernel for its only thread, and a clone must
/// register anew.
struct ThreadState {
  pid_t* tid = nullptr;  // where the C library keeps the thread's number
  void* robust_list = nullptr;
  std::size_t robust_list_bytes = 0;
};

Result<ThreadState> read_thread_state() {
  namespace fs = std::filesystem;
  const auto threads = std::distance(fs::directory_iterator("/proc/self/task"), {});
  if (threads != 1)
    return Error{ErrorCode::kBug, "only a process with one thread can be cloned",
                 std::to_string(threads) + " threads"};
  ThreadState state;
  if (::prctl(PR_GET_TID_ADDRESS, &state.tid) != 0 || !state.tid || *state.tid != ::getpid())
    return system_error(ErrorCode::kBug, "the C library's thread number cannot be found", errno);
  if (::syscall(SYS_get_robust_list, 0, &state.robust_list, &state.robust_list_bytes) != 0)
    return system_error(ErrorCode::kBug, "the list of robust mutexes cannot be found", errno);
  return state;
}

/// fork(), but for a sibling: the child's parent is ours. 0 in the child, -1 with errno.
pid_t clone_sibling(const ThreadState& state) {
  constexpr unsigned long kFlags =
      CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
  // The last two are child_tid and tls, in one order or the other by architecture; without
  // CLONE_SETTLS the second is not looked at.
  const long pid = ::syscall(SYS_clone, kFlags, nullptr, nullptr, state.tid, state.tid);
  if (pid == 0) ::syscall(SYS_set_robust_list, state.robust_list, state.robust_list_bytes);
  return static_cast<pid_t>(pid);
}

/// Makes a fresh clone a worker as if it had been started as one.
void become_worker(const ForkRequest& request, pid_t supervisor, char* flag) {
  ::prctl(PR_SET_NAME, "worker");
  std::memset(flag, 0, std::strlen(flag));
  ::setsid();
  // Not inherited by a clone, and bound to the thread of the supervisor that started us.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(kExitBug);  // it died before the line above
  apply_in_child(request.limits);
  for (std::size_t i = 0; i < request.fds.size(); ++i)
    ::dup2(request.fds[i].get(), kSegmentFd + static_cast<int>(i));
  ::dup2(request.errors.get(), STDERR_FILENO);
}

}  // namespace

Result<Forked> serve_forks(char* flag) {
  const pid_t supervisor = ::getppid();
  auto thread = read_thread_state();
  if (!thread) return thread.error();
  ::prctl(PR_SET_NAME, "fork-server");
  send_fork_answer(kForkSocketFd, {0, ::getpid(), 0});
  for (;;) {
    auto request = receive_fork_request(kForkSocketFd);
    if (!request) return request.error();
    if (!*request) return Forked::kDone;
    if (auto passed = fault::point("fork.request"); !passed) return passed.error();
    const std::uint32_t number = (*request)->number;
    const pid_t pid = clone_sibling(*thread);
    const int problem = pid < 0 ? errno : 0;
    send_fork_answer(kForkSocketFd, {number, pid == 0 ? ::getpid() : pid, problem});
    if (pid == 0) {
      become_worker(**request, supervisor, flag);
      request = std::optional<ForkRequest>();  // closes what was received
      ::close_range(kFirstFreeFd, ~0U, 0);
      return Forked::kIncarnation;
    }
    if (auto passed = fault::point("fork.cloned"); !passed) return passed.error();
  }
}

}  // namespace forkdex
