#include "supervisor/repository/remote/git_program.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/base/unique_fd.h"
#include "common/pg/url.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/spawn.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenQuestions{50};
constexpr std::chrono::seconds kGracePeriod{5};
constexpr std::size_t kSaidLines = 3;
constexpr std::size_t kSaidBytes = 600;

/// What git may not find in its environment: our secrets, and what would have it work elsewhere
/// than it is told or show secrets of its own.
constexpr std::array<std::string_view, 17> kWithheld = {"DATABASE_URL",
                                                        "FORKDEX_DATABASE_URL",
                                                        "PGPASSWORD",
                                                        "GIT_DIR",
                                                        "GIT_COMMON_DIR",
                                                        "GIT_WORK_TREE",
                                                        "GIT_INDEX_FILE",
                                                        "GIT_OBJECT_DIRECTORY",
                                                        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                                                        "GIT_NAMESPACE",
                                                        "GIT_SHALLOW_FILE",
                                                        "GIT_TEMPLATE_DIR",
                                                        "GIT_TRACE_REDACT",
                                                        "GIT_TERMINAL_PROMPT",
                                                        "GIT_ALLOW_PROTOCOL",
                                                        "GIT_DEFAULT_HASH",
                                                        "LC_ALL"};
/// Nobody is there to be asked; a protocol that runs a program of the URL's choice is none of ours.
constexpr std::array<std::string_view, 3> kGiven = {
    "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh", "LC_ALL=C"};

/// Lines of git's that say nothing of the case at hand.
constexpr std::array<std::string_view, 4> kBesideThePoint = {
    "hint:", "warning:", "Please make sure you have", "and the repository exists"};

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

/// `secret` and `errors` are memory files; `secret` may be none.
Result<ChildProcess> start_git(const GitCommand& command, const UniqueFd& secret,
                               const UniqueFd& errors) {
  ChildSpec spec;
  spec.program = find_git();
  if (spec.program.empty()) return not_started("there is none on the PATH");
  if (secret.valid()) {
    spec.arguments = {"-c", fmt::format("include.path=/proc/self/fd/{}", secret.get())};
    spec.kept.push_back({secret.get(), secret.get()});
  }
  spec.arguments.insert(spec.arguments.end(), command.arguments.begin(), command.arguments.end());
  spec.environment = our_environment(kWithheld, kGiven);
  spec.errors = errors.get();
  if (command.kept_fd >= 0) spec.kept.push_back({command.kept_fd, command.kept_fd});
  spec.default_signals = {SIGPIPE};  // ours is ignored
  // Told, not killed: git then tells its children and takes away what it left half done.
  spec.death_signal = SIGTERM;
  spec.reach = ChildProcess::Reach::kSession;
  auto git = spawn(spec);
  if (git) return git;
  return not_started(fmt::format("{}: {}", git.error().sentence, git.error().context));
}

}  // namespace

Result<GitEnd> run_git(const GitCommand& command, const std::function<bool()>& keep_going) {
  const UniqueFd errors = memory_file("forkdex-git", "");
  UniqueFd secret;
  if (!command.secret_configuration.empty())
    secret = memory_file("forkdex-git", command.secret_configuration);
  if (!errors.valid() || (!command.secret_configuration.empty() && !secret.valid()))
    return system_error(ErrorCode::kBug, "no memory file can be made", errno);
  auto git = start_git(command, secret, errors);
  if (!git) return git.error();
  std::optional<Clock::time_point> stopped;
  std::optional<ExitCause> ended;
  while (!(ended = git->wait(kBetweenQuestions))) {
    if (!stopped && !keep_going()) {
      stopped = Clock::now();
      git->send(SIGTERM);
    } else if (stopped && Clock::now() - *stopped > kGracePeriod) {
      git->kill();
    }
  }
  const auto* exited = std::get_if<Exited>(&*ended);
  return GitEnd{exited && exited->status == 0, last_lines(errors.get())};
}

}  // namespace forkdex
