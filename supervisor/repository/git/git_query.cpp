#include "supervisor/repository/git/git_query.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "common/base/io.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/spawn.h"
#include "supervisor/repository/git/git_child.h"

namespace forkdex {
namespace {

constexpr std::chrono::seconds kTimeLimit{60};
constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;

/// What of git's variables says where configuration is. GIT_CONFIG is none of them: only `git
/// config` obeys it.
constexpr std::array<std::string_view, 3> kConfiguration = {
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"};
constexpr std::array<std::string_view, 3> kCountedConfiguration = {
    "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"};

/// Withheld beside git's own variables.
constexpr std::array<std::string_view, 5> kWithheld = {"DATABASE_URL", "FORKDEX_DATABASE_URL",
                                                       "PGPASSWORD", "LC_ALL", "LANGUAGE"};

constexpr std::array<std::string_view, 8> kGiven = {
    "GIT_OPTIONAL_LOCKS=0",
    "GIT_NO_LAZY_FETCH=1",
    "GIT_ALLOW_PROTOCOL=none",  // where git is too old for the line above
    "GIT_TERMINAL_PROMPT=0",
    "GIT_TRACE2=0",  // configuration could have it write a file
    "GIT_TRACE2_EVENT=0",
    "GIT_TRACE2_PERF=0",
    "LC_ALL=C"};

/// What configuration may not have git run or write.
constexpr std::array kSettings = {"core.fsmonitor=false", "core.hooksPath=/dev/null",
                                  "core.untrackedCache=false", "core.pager=cat"};

constexpr std::string_view kParameters = "GIT_CONFIG_PARAMETERS";

bool is_configuration(std::string_view name) {
  if (name == kParameters) return has_config_parameters();
  const auto starts = [&](std::string_view start) { return name.starts_with(start); };
  return std::find(kConfiguration.begin(), kConfiguration.end(), name) != kConfiguration.end() ||
         std::any_of(kCountedConfiguration.begin(), kCountedConfiguration.end(), starts);
}

/// The names of our variables that git must not get.
std::vector<std::string_view> withheld_names() {
  std::vector<std::string_view> names(kWithheld.begin(), kWithheld.end());
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view name(*entry, std::strcspn(*entry, "="));
    if (name.starts_with("GIT_") && !is_configuration(name)) names.push_back(name);
  }
  return names;
}

Error unanswered(std::string_view why) {
  return {ErrorCode::kRepositoryUnusable, std::string(why), ""};
}

ChildSpec spec_of(const GitPlace& place, const std::vector<std::string>& arguments) {
  ChildSpec spec;
  spec.program = find_git();
  for (const char* setting : kSettings)
    spec.arguments.insert(spec.arguments.end(), {"-c", setting});
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  const std::string git_folder = "GIT_DIR=" + place.git_folder.native();
  const std::string work_tree = "GIT_WORK_TREE=" + place.work_tree.native();
  const std::string objects = "GIT_OBJECT_DIRECTORY=" + place.objects.native();
  std::vector<std::string_view> given(kGiven.begin(), kGiven.end());
  given.push_back(git_folder);
  if (!place.work_tree.empty()) given.push_back(work_tree);
  if (!place.objects.empty()) given.push_back(objects);
  spec.environment = our_environment(withheld_names(), given);
  // What git prints is relative to the folder that it runs in.
  spec.working_folder = place.work_tree.empty() ? place.git_folder : place.work_tree;
  spec.default_signals = {SIGPIPE};  // ours is ignored
  spec.death_signal = SIGKILL;
  spec.reach = ChildProcess::Reach::kSession;
  return spec;
}

}  // namespace

bool has_config_parameters() {
  const char* value = std::getenv(kParameters.data());
  const std::string_view text = value ? value : "";
  return text.size() >= 2 && text.front() == '\'' && text.back() == '\'';
}

Error git_refused(const GitAnswer& answer) {
  if (answer.said.empty())
    return unanswered(fmt::format("git ended with status {} and gave no reason", answer.status));
  return unanswered(fmt::format("git says: {}", answer.said));
}

Result<GitAnswer> ask_git(const GitPlace& place, const std::vector<std::string>& arguments) {
  GitAnswer answer;
  answer.output = git_memory_file("");
  const UniqueFd errors = git_memory_file("");
  if (!answer.output.valid() || !errors.valid())
    return system_error(ErrorCode::kBug, "no memory file can be made", errno);
  ChildSpec spec = spec_of(place, arguments);
  if (spec.program.empty()) return unanswered("there is no git on the PATH; install it");
  spec.output = answer.output.get();
  spec.errors = errors.get();
  auto git = spawn(spec);
  if (!git)
    return unanswered(fmt::format("git cannot be run: {}: {}; install it again",
                                  git.error().sentence, git.error().context));
  const auto ended = git->wait(kTimeLimit);
  if (!ended)
    return unanswered(
        fmt::format("git has not answered within {} s; run again", kTimeLimit.count()));
  const auto* exited = std::get_if<Exited>(&*ended);
  if (!exited) return unanswered("git was killed; run again");
  answer.status = exited->status;
  answer.said = git_stderr_tail(errors.get());
  ::lseek(answer.output.get(), 0, SEEK_SET);
  return answer;
}

Result<std::string> ask_git_for_text(const GitPlace& place,
                                     const std::vector<std::string>& arguments) {
  const auto answer = ask_git(place, arguments);
  if (!answer) return answer.error();
  if (answer->status != 0) return git_refused(*answer);
  auto text = read_to_end(answer->output.get(), kMaxTextBytes);
  if (!text) return unanswered("git's answer is too long");
  return *std::move(text);
}

}  // namespace forkdex
