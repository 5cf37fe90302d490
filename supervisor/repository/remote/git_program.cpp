#include "supervisor/repository/remote/git_program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/base/unique_fd.h"
#include "common/pg/url.h"

namespace forkdex {
namespace process = boost::process::v2;
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenQuestions{50};
constexpr std::chrono::seconds kGracePeriod{5};
constexpr std::size_t kSaidLines = 3;
constexpr std::size_t kSaidBytes = 600;

/// What git may not find in its environment: our secrets, and what would have it work elsewhere
/// than it is told or show secrets of its own.
constexpr std::array<std::string_view, 16> kWithheld = {
    "DATABASE_URL=",     "FORKDEX_DATABASE_URL=", "PGPASSWORD=",
    "GIT_DIR=",          "GIT_COMMON_DIR=",       "GIT_WORK_TREE=",
    "GIT_INDEX_FILE=",   "GIT_OBJECT_DIRECTORY=", "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
    "GIT_NAMESPACE=",    "GIT_SHALLOW_FILE=",     "GIT_TEMPLATE_DIR=",
    "GIT_TRACE_REDACT=", "GIT_TERMINAL_PROMPT=",  "GIT_ALLOW_PROTOCOL=",
    "GIT_DEFAULT_HASH="};
/// Nobody is there to be asked; a protocol that runs a program of the URL's choice is none of ours.
constexpr std::array<const char*, 3> kGiven = {
    "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh", "LC_ALL=C"};

/// Lines of git's that say nothing of the case at hand.
constexpr std::array<std::string_view, 4> kBesideThePoint = {
    "hint:", "warning:", "Please make sure you have", "and the repository exists"};

std::vector<const char*> git_environment() {
  std::vector<const char*> environment;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const bool withheld =
        text.starts_with("LC_ALL=") ||
        std::any_of(kWithheld.begin(), kWithheld.end(),
                    [&](std::string_view prefix) { return text.starts_with(prefix); });
    if (!withheld) environment.push_back(*entry);
  }
  environment.insert(environment.end(), kGiven.begin(), kGiven.end());
  environment.push_back(nullptr);
  return environment;
}

/// Runs in the child between fork and exec: only async-signal-safe calls.
struct GitLaunch {
  std::array<int, 2> kept;  // -1 for none
  std::vector<const char*> environment = git_environment();
  pid_t supervisor = ::getpid();

  template <class Launcher, class Path>
  process::error_code on_setup(Launcher& launcher, const Path&, const char* const*&) const {
    launcher.env = environment.data();
    for (const int fd : kept)
      if (fd >= 0) launcher.fd_whitelist.push_back(fd);
    return {};
  }

  template <class Launcher, class Path>
  process::error_code on_exec_setup(Launcher&, const Path&, const char* const*&) const {
    ::setsid();
    ::signal(SIGPIPE, SIG_DFL);  // ours is ignored
    // Told, not killed: git then tells its children and takes away what it left half done.
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return process::detail::get_last_error();
    if (::getppid() != supervisor) ::_exit(kExitBug);  // it died before the line above
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return process::detail::get_last_error();
    for (const int fd : kept)
      if (fd >= 0 && ::fcntl(fd, F_SETFD, 0) != 0) return process::detail::get_last_error();
    return {};
  }
};

/// git, found, started and not yet waited for.
class RunningGit {
 public:
  explicit RunningGit(pid_t pid)
      : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  RunningGit(const RunningGit&) = delete;
  RunningGit& operator=(const RunningGit&) = delete;
  ~RunningGit() {
    if (reaped_) return;
    signal_all(SIGKILL);
    reap();
  }

  bool ended_within(std::chrono::milliseconds timeout) const {
    pollfd waiting{pidfd_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(timeout.count())) > 0;
  }
  /// git leads a session of its own: its children get the signal too.
  void signal_all(int signal) const { ::kill(-pid_, signal); }
  /// Waits for the end, gives wait(2)'s status, and sees to it that no child stays.
  int reap() {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR) {
    }
    signal_all(SIGKILL);  // as long as it is not reaped, nobody else can have its number
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return status;
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
  bool reaped_ = false;
};

/// The first git on the PATH; empty where there is none.
std::string find_git() {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
    std::string git = std::string(folder) + "/git";
    struct stat about{};
    // A folder that is not absolute would be the current one's, which may be anybody's.
    if (folder.starts_with('/') && ::stat(git.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
        ::access(git.c_str(), X_OK) == 0)
      return git;
  }
  return {};
}

UniqueFd memory_file(const char* name, std::string_view content) {
  UniqueFd memory(::memfd_create(name, MFD_CLOEXEC));
  if (memory.valid() && !write_all(memory.get(), content)) memory.reset();
  return memory;
}

/// The end of what git wrote, as far as it is to the point.
std::string last_lines(int fd) {
  std::string text(8192, '\0');
  const off_t size = ::lseek(fd, 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(text.size()));
  const ssize_t got = ::pread(fd, text.data(), text.size(), start);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  std::deque<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", from), text.size());
    const std::string line = text.substr(from, end - from);
    from = end + 1;
    const auto starts = [&](std::string_view words) { return line.starts_with(words); };
    if (line.find_first_not_of(' ') == std::string::npos ||
        std::any_of(kBesideThePoint.begin(), kBesideThePoint.end(), starts))
      continue;
    lines.push_back(without_secrets(line));
    if (lines.size() > kSaidLines) lines.pop_front();
  }
  return display_path(fmt::format("{}", fmt::join(lines, "; ")).substr(0, kSaidBytes));
}

Error not_started(std::string_view what) {
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("git cannot be run: {}; install git, or clone the repository yourself and "
                      "give the folder",
                      what),
          ""};
}

Result<pid_t> launch_git(const GitCommand& command, int secret_fd, int errors_fd) try {
  const std::string executable = find_git();
  if (executable.empty()) return not_started("there is none on the PATH");
  std::vector<std::string> arguments;
  if (secret_fd >= 0) arguments = {"-c", fmt::format("include.path=/proc/self/fd/{}", secret_fd)};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::fflush(nullptr);  // a failed exec would write what is buffered a second time
  boost::asio::io_context context;
  process::process child(context, executable, arguments,
                         process::process_stdio{nullptr, nullptr, errors_fd},
                         GitLaunch{{secret_fd, command.kept_fd}});
  return static_cast<pid_t>(child.detach().id());
} catch (const boost::system::system_error& error) {
  return not_started(error.what());
}

}  // namespace

Result<GitEnd> run_git(const GitCommand& command, const std::function<bool()>& keep_going) {
  const UniqueFd errors = memory_file("forkdex-git", "");
  UniqueFd secret;
  if (!command.secret_configuration.empty())
    secret = memory_file("forkdex-git", command.secret_configuration);
  if (!errors.valid() || (!command.secret_configuration.empty() && !secret.valid()))
    return system_error(ErrorCode::kBug, "no memory file can be made", errno);
  const auto pid = launch_git(command, secret.get(), errors.get());
  if (!pid) return pid.error();
  RunningGit git(*pid);
  std::optional<Clock::time_point> stopped;
  while (!git.ended_within(kBetweenQuestions)) {
    if (!stopped && !keep_going()) {
      stopped = Clock::now();
      git.signal_all(SIGTERM);
    } else if (stopped && Clock::now() - *stopped > kGracePeriod) {
      git.signal_all(SIGKILL);
    }
  }
  const int status = git.reap();
  return GitEnd{WIFEXITED(status) && WEXITSTATUS(status) == 0, last_lines(errors.get())};
}

}  // namespace forkdex
