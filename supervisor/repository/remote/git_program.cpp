#include "supervisor/repository/remote/git_program.h"

#include <signal.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "common/base/unique_fd.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/spawn.h"
#include "supervisor/repository/git/git_child.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenQuestions{50};
constexpr std::chrono::seconds kGracePeriod{5};

/// What git may not find in its environment: our secrets; what it means for another repository, by
/// `git rev-parse --local-env-vars` and for a hook that receives; what would have it make a clone
/// in a format that libgit2 does not read; and what would have it show secrets of its own.
/// GIT_CONFIG_COUNT stays: it is for users, and may hold a proxy or credentials.
constexpr auto kWithheld = std::to_array<std::string_view>({"DATABASE_URL",
                                                            "FORKDEX_DATABASE_URL",
                                                            "PGPASSWORD",
                                                            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                                                            "GIT_ATTR_SOURCE",
                                                            "GIT_COMMON_DIR",
                                                            "GIT_CONFIG",
                                                            "GIT_CONFIG_PARAMETERS",
                                                            "GIT_DIR",
                                                            "GIT_GRAFT_FILE",
                                                            "GIT_IMPLICIT_WORK_TREE",
                                                            "GIT_INDEX_FILE",
                                                            "GIT_INTERNAL_SUPER_PREFIX",
                                                            "GIT_NAMESPACE",
                                                            "GIT_NO_REPLACE_OBJECTS",
                                                            "GIT_OBJECT_DIRECTORY",
                                                            "GIT_PREFIX",
                                                            "GIT_QUARANTINE_PATH",
                                                            "GIT_REPLACE_REF_BASE",
                                                            "GIT_SHALLOW_FILE",
                                                            "GIT_TEMPLATE_DIR",
                                                            "GIT_WORK_TREE",
                                                            "GIT_ALLOW_PROTOCOL",
                                                            "GIT_DEFAULT_HASH",
                                                            "GIT_DEFAULT_REF_FORMAT",
                                                            "GIT_TERMINAL_PROMPT",
                                                            "GIT_TRACE_REDACT",
                                                            "LC_ALL"});
/// Nobody is there to be asked; a protocol that runs a program of the URL's choice is none of ours;
/// a clone has the format that libgit2 reads, whatever git's own default is, or the user's.
constexpr auto kGiven = std::to_array<std::string_view>(
    {"GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh", "GIT_DEFAULT_HASH=sha1",
     "GIT_DEFAULT_REF_FORMAT=files", "LC_ALL=C"});

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
  const UniqueFd errors = git_memory_file("");
  UniqueFd secret;
  if (!command.secret_configuration.empty()) secret = git_memory_file(command.secret_configuration);
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
  return GitEnd{exited && exited->status == 0, git_stderr_tail(errors.get())};
}

}  // namespace forkdex
