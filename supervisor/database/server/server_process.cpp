#include "supervisor/database/server/server_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace forkdex {
namespace {

using std::chrono::milliseconds;

/// What the child says when it cannot become the program.
struct Failure {
  char step[24];
  int error;
};

/// What the child needs, laid out before the fork: nothing is allocated after it.
struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* folder;
  const ServerProcess::Command* command;
  const ServerUser* user;
  int report;
  pid_t parent;
};

[[noreturn]] void fail(int report, const char* step) {
  Failure failure{};
  failure.error = errno;
  std::strncpy(failure.step, step, sizeof failure.step - 1);
  [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
}

[[noreturn]] void run_child(const Prepared& prepared) {
  const ServerProcess::Command& command = *prepared.command;
  reset_signals();
  ::setsid();
  ::umask(077);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(command.output, 1) < 0 ||
      ::dup2(command.output, 2) < 0)
    fail(prepared.report, "redirecting output");
  if (::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
    fail(prepared.report, "closing descriptors");
  if (command.kept >= 0 && ::fcntl(command.kept, F_SETFD, 0) != 0)
    fail(prepared.report, "keeping its lock");
  if (::chdir(prepared.folder) != 0) fail(prepared.report, "entering its folder");
  if (!prepared.user->become()) fail(prepared.report, "becoming its user");
  // After the change of credentials, which clears it.
  if (command.dies_with_us) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != prepared.parent) ::_exit(127);
  }
  ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  fail(prepared.report, "starting the program");
}

Error spawn_error(const std::string& program, const std::string& step, int error) {
  return system_error(ErrorCode::kDatabaseUnusable,
                      fmt::format("PostgreSQL's {} cannot be run: {} failed", program, step),
                      error);
}

}  // namespace

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool wait_readable(int fd, milliseconds timeout) {
  pollfd waiting{fd, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Result<ServerProcess> ServerProcess::spawn(const Command& command, const ServerUser& user) {
  const std::string program = std::filesystem::path(command.argv[0]).filename();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return spawn_error(program, "making a pipe", errno);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);

  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
  const std::string folder = command.working_folder.string();
  Prepared prepared{{}, {}, folder.c_str(), &command, &user, write_end.get(), ::getpid()};
  for (const std::string& word : command.argv)
    prepared.argv.push_back(const_cast<char*>(word.c_str()));
  for (std::string& word : environment) prepared.environment.push_back(word.data());
  prepared.argv.push_back(nullptr);
  prepared.environment.push_back(nullptr);

  const pid_t pid = ::fork();
  if (pid < 0) return spawn_error(program, "forking", errno);
  if (pid == 0) run_child(prepared);
  write_end.reset();

  ServerProcess process;
  process.pid_ = pid;
  process.pidfd_ = open_pidfd(pid);
  Failure failure{};
  ssize_t got = 0;
  do {
    got = ::read(read_end.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == 0 && process.pidfd_.valid()) return process;  // exec closed the pipe
  if (got == 0) failure.error = errno;
  process.kill();
  return spawn_error(program, got == 0 ? "watching it" : failure.step, failure.error);
}

std::optional<int> ServerProcess::wait(milliseconds timeout) {
  if (!wait_readable(pidfd_.get(), timeout)) return std::nullopt;
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = ::waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  return status;
}

void ServerProcess::kill() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace forkdex
