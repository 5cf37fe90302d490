// A worker that tries what a worker may not do. Each case runs in a child of its own, because a
// sandbox is for life.

#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "common/base/sandbox_support.h"
#include "common/base/unique_fd.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

/// The thread sanitizer keeps a thread of its own, which would stay outside, and its run-time calls
/// what the sandbox refuses.
bool cannot_be_shut_in() {
#ifdef __SANITIZE_THREAD__
  test::skip("a process under the thread sanitizer cannot be shut in");
  return true;
#else
  return false;
#endif
}

/// Runs `tries` in a child that has entered the sandbox. Gives what came of each: 0, or errno.
/// "gaps" is the number of gaps.
std::map<std::string, int> in_sandbox(const fs::path& readable,
                                      const std::map<std::string, std::function<int()>>& tries) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto gaps = enter_sandbox({readable});
    ::dprintf(writing.get(), "gaps %zu\n", gaps.size());
    for (const std::string& gap : gaps) ::dprintf(STDERR_FILENO, "no %s\n", gap.c_str());
    for (const auto& [what, attempt] : tries) {
      errno = 0;
      const int failed = attempt();
      ::dprintf(writing.get(), "%s %d\n", what.c_str(), failed < 0 ? errno : 0);
    }
    ::_exit(0);
  }
  writing.reset();
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(reading.get(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO(text);
  CHECK(status == 0);
  std::map<std::string, int> results;
  std::istringstream lines(text);
  for (std::string what; lines >> what;) lines >> results[what];
  return results;
}

int open_and_close(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd;
}

int forks() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child;
}

int unix_connect(int socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

long load_of_parent() {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return ::process_vm_readv(::getppid(), &here, 1, &there, 1, 0);
}

TEST_CASE("sandbox: what a worker has no use for is refused") {
  if (cannot_be_shut_in()) return;
  const test::TemporaryFolder folder;
  folder.write("repository/a.py", "x = 1\n");
  const fs::path inside = folder / "repository/a.py";
  folder.write("other/b.py", "y = 2\n");
  const fs::path outside = folder / "other/b.py";
  const fs::path made = folder / "repository/made";
  const UniqueFd unconnected(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd appending(::open(inside.c_str(), O_RDONLY | O_CLOEXEC));
  char* const arguments[] = {const_cast<char*>("true"), nullptr};
  const auto results = in_sandbox(
      folder / "repository",
      {
          {"exec", [&] { return ::execv("/bin/true", arguments); }},
          {"execveat",
           [&] { return int(::syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, 0, 0)); }},
          {"fork", forks},
          {"vfork_by_clone", [] { return int(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
          {"clone3", [] { return int(::syscall(SYS_clone3, nullptr, 0)); }},
          {"ptrace", [] { return int(::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0)); }},
          {"process_vm_readv", [] { return int(load_of_parent()); }},
          {"kill", [] { return ::kill(::getppid(), 0); }},
          {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }},
          {"socketpair",
           [] {
             int pair[2];
             return ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
           }},
          {"connect", [&] { return unix_connect(unconnected.get()); }},
          {"bind",
           [&] {
             sockaddr_un address{};
             address.sun_family = AF_UNIX;
             return ::bind(unconnected.get(), reinterpret_cast<const sockaddr*>(&address), 2);
           }},
          {"write_inside", [&] { return open_and_close(inside.c_str(), O_WRONLY); }},
          {"append_inside", [&] { return open_and_close(inside.c_str(), O_RDWR | O_APPEND); }},
          {"write_outside", [&] { return open_and_close(outside.c_str(), O_WRONLY); }},
          {"create", [&] { return open_and_close(made.c_str(), O_RDONLY | O_CREAT); }},
          {"truncate", [&] { return ::truncate(inside.c_str(), 0); }},
          {"mkdir", [&] { return ::mkdir(made.c_str(), 0700); }},
          {"unlink", [&] { return ::unlink(inside.c_str()); }},
          {"rename", [&] { return ::rename(inside.c_str(), made.c_str()); }},
          {"chmod", [&] { return ::chmod(inside.c_str(), 0777); }},
          {"fchmod", [&] { return ::fchmod(appending.get(), 0777); }},
          {"utimes", [&] { return ::utimensat(AT_FDCWD, inside.c_str(), nullptr, 0); }},
          {"setuid", [] { return ::setuid(::getuid()); }},
          {"unshare", [] { return ::unshare(CLONE_NEWUSER); }},
          {"bpf", [] { return int(::syscall(SYS_bpf, 0, nullptr, 0)); }},
          {"io_uring", [] { return int(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
          {"keyctl", [] { return int(::syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }},
          {"perf", [] { return int(::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0)); }},
      });
  const bool filtered = sandbox_support().seccomp;
  if (!filtered) test::skip("this kernel has no system call filter");
  for (const auto& [what, result] : results) {
    if (what == "gaps") continue;
    INFO(what << " ended with errno " << result);
    if (filtered) CHECK((result == EPERM || (what == "clone3" && result == ENOSYS)));
  }
  CHECK(test::read_file(inside) == "x = 1\n");
  CHECK(test::read_file(outside) == "y = 2\n");
}

TEST_CASE("sandbox: only the folders named can be read, and they can") {
  if (cannot_be_shut_in()) return;
  const test::TemporaryFolder folder;
  folder.write("repository/sub/a.py", "x = 1\n");
  const fs::path inside = folder / "repository/sub/a.py";
  folder.write("other/b.py", "y = 2\n");
  const fs::path outside = folder / "other/b.py";
  fs::create_symlink(outside, folder / "repository/link");
  const fs::path link = folder / "repository/link";
  const UniqueFd root(::open((folder / "repository").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto results = in_sandbox(
      folder / "repository",
      {
          {"inside", [&] { return open_and_close(inside.c_str(), O_RDONLY); }},
          {"below", [&] { return ::openat(root.get(), "sub/a.py", O_RDONLY | O_CLOEXEC); }},
          {"outside", [&] { return open_and_close(outside.c_str(), O_RDONLY); }},
          {"by_a_link", [&] { return open_and_close(link.c_str(), O_RDONLY); }},
          {"passwd", [] { return open_and_close("/etc/passwd", O_RDONLY); }},
          {"list", [] { return open_and_close("/etc", O_RDONLY | O_DIRECTORY); }},
      });
  CHECK(results.at("inside") == 0);
  CHECK(results.at("below") == 0);
  if (sandbox_support().landlock_abi == 0) {
    test::skip("this kernel has no Landlock");
    CHECK(results.at("gaps") >= 1);
    return;
  }
  CHECK(results.at("gaps") == 0);
  for (const char* denied : {"outside", "by_a_link", "passwd", "list"}) {
    INFO(denied);
    CHECK(results.at(denied) == EACCES);
  }
}

TEST_CASE("sandbox: what libraries do all the time still works") {
  if (cannot_be_shut_in()) return;
  const test::TemporaryFolder folder;
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  const UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  const auto results =
      in_sandbox(folder.path(),
                 {
                     {"thread",
                      [] {
                        int ran = -1;
                        std::thread([&ran] { ran = 0; }).join();
                        return ran;
                      }},
                     {"memory",
                      [] {
                        void* memory = ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                        return memory == MAP_FAILED ? -1 : ::munmap(memory, 1 << 20);
                      }},
                     {"connection", [&] { return ::send(ours.get(), "x", 1, 0) == 1 ? 0 : -1; }},
                     {"signal_to_oneself", [] { return ::raise(0); }},
                     {"no_new_privileges",
                      [] { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1; }},
                 });
  for (const auto& [what, result] : results) {
    INFO(what);
    CHECK(result == 0);
  }
}

TEST_CASE("sandbox: an abort ends a worker by its signal") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);  // the test program's own handler would report a failure
    enter_sandbox({"/"});
    std::abort();
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

}  // namespace
}  // namespace forkdex
