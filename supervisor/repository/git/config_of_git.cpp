#include "supervisor/repository/git/config_of_git.h"

#include <git2.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "supervisor/repository/git/config_text.h"
#include "supervisor/repository/git/git_child.h"
#include "supervisor/repository/git/git_query.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

/// Settings that name a file.
constexpr std::array<std::string_view, 2> kPaths = {"core.excludesfile", "core.attributesfile"};
/// The sections that forkdex reads.
constexpr std::array<std::string_view, 3> kSections = {"core.", "remote.", "extensions."};
/// Where Debian's git has its system's file is where libgit2 looks for it.
constexpr std::array<std::string_view, 2> kDistributionsGit = {"/usr/bin/git", "/bin/git"};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

/// Whether git alone knows which file a path in a configuration file is.
bool only_git_expands(std::string_view path) {
  if (path.starts_with("~/")) return !is_set("HOME");
  return path.starts_with('~') || path.starts_with("%(") || path.starts_with(":(");
}

bool is_file_setting(std::string_view key) {
  return std::find(kPaths.begin(), kPaths.end(), key) != kPaths.end();
}

/// The conditions of includes that libgit2 judges as git does in one repository.
class Conditions {
 public:
  explicit Conditions(git_repository* repository) {
    // Without a branch, libgit2 takes `onbranch:**` for met.
    if (git_repository_head_detached(repository) == 0) kinds_.emplace_back("onbranch:");
    // git compares with the folder that a link at .git leads to, too.
    std::error_code problem;
    const fs::path folder = git_repository_path(repository);
    if (fs::canonical(folder, problem) != folder.parent_path() || problem) return;
    kinds_.emplace_back("gitdir:");
    kinds_.emplace_back("gitdir/i:");
  }

  bool hold(std::string_view condition) const {
    for (const std::string_view kind : kinds_)
      if (condition.starts_with(kind)) return !only_git_expands(condition.substr(kind.size()));
    return false;
  }

 private:
  std::vector<std::string_view> kinds_;
};

/// What is in doubt about one setting.
std::optional<ConfigDoubt> doubt_about(std::string_view key, std::optional<std::string_view> value,
                                       const Conditions& conditions) {
  const bool known_path = value && !only_git_expands(*value);
  const std::string shown = display_path(value ? fmt::format("{}={}", key, *value) : key);
  if (is_file_setting(key)) {
    if (known_path) return std::nullopt;
    return ConfigDoubt{shown, true};
  }
  if (key == "include.path") return ConfigDoubt{shown, !known_path};
  constexpr std::string_view kStart = "includeif.";
  constexpr std::string_view kEnd = ".path";
  if (!key.starts_with(kStart) || !key.ends_with(kEnd) || key.size() < kStart.size() + kEnd.size())
    return std::nullopt;
  key.remove_prefix(kStart.size());
  key.remove_suffix(kEnd.size());
  return ConfigDoubt{shown, !known_path || !conditions.hold(key)};
}

std::optional<ConfigDoubt> doubt_about_environment() {
  if (has_config_parameters()) return ConfigDoubt{"GIT_CONFIG_PARAMETERS", true};
  if (std::getenv("GIT_CONFIG_SYSTEM") || std::getenv("GIT_CONFIG_NOSYSTEM")) return std::nullopt;
  const std::string git = find_git();
  if (git.empty() ||
      std::find(kDistributionsGit.begin(), kDistributionsGit.end(), git) != kDistributionsGit.end())
    return std::nullopt;
  return ConfigDoubt{"the system's configuration file of " + display_path(git), false};
}

/// One setting of `git config --list -z --show-scope`.
struct Listed {
  std::string_view scope;
  std::string_view key;
  std::optional<std::string_view> value;
};

std::vector<Listed> parse_list(std::string_view text) {
  std::vector<Listed> list;
  const auto take = [&] {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
  };
  while (!text.empty()) {
    Listed one;
    one.scope = take();
    one.key = take();
    if (const std::size_t end = one.key.find('\n'); end != std::string_view::npos) {
      one.value = one.key.substr(end + 1);
      one.key = one.key.substr(0, end);
    }
    list.push_back(one);
  }
  return list;
}

/// The path that the value of `setting` is, the way git writes it out; no line where that is an
/// optional file which is not there.
Result<std::string> path_line_of_git(const GitPlace& place, const Listed& setting) {
  constexpr int kNone = 1;
  const std::string_view key = setting.key;
  std::vector<std::string> question = {"config", "-z", "--type=path", "--get"};
  // An earlier value would take the place of one that is not there.
  if (setting.value) question.emplace_back("--fixed-value");
  question.emplace_back(key);
  if (setting.value) question.emplace_back(*setting.value);
  const auto answer = ask_git(place, question);
  if (!answer) return answer.error();
  if (answer->status == kNone) return std::string();
  if (answer->status != 0) return git_refused(*answer);
  const auto path = read_to_end(answer->output.get());
  if (!path || path->empty()) return std::string();
  return config_lines(key, std::string_view(*path).substr(0, path->find('\0'))).value_or("");
}

/// The lines that name files. git is asked again only for what it alone expands.
Result<std::string> path_lines(const GitPlace& place, const std::vector<Listed>& list) {
  std::string lines;
  for (const std::string_view key : kPaths) {
    const auto is_it = [&](const Listed& one) { return one.key == key; };
    const auto last = std::find_if(list.rbegin(), list.rend(), is_it);
    if (last == list.rend()) continue;
    const bool is_plain = last->value && !only_git_expands(*last->value);
    const auto line = is_plain ? Result<std::string>(config_lines(key, last->value).value_or(""))
                               : path_line_of_git(place, *last);
    if (!line) return line.error();
    lines += *line;
  }
  return lines;
}

/// git takes a repository that it refuses for none, and then lists the user's settings alone.
Result<void> check_accepted(const GitPlace& place, const std::vector<Listed>& list) {
  const auto is_own = [](const Listed& one) { return one.scope == "local"; };
  if (std::any_of(list.begin(), list.end(), is_own)) return {};
  const auto accepted = ask_git_for_text(place, {"rev-parse", "--git-dir"});
  if (!accepted) return accepted.error();
  return {};
}

}  // namespace

std::optional<ConfigDoubt> doubt_about(git_config& config, git_repository* repository) {
  const Conditions conditions(repository);
  std::optional<ConfigDoubt> found = doubt_about_environment();
  git_config_iterator* settings = nullptr;
  if (git_config_iterator_new(&settings, &config) != 0) return found;
  git_config_entry* entry = nullptr;
  while ((!found || !found->only_git) && git_config_next(&entry, settings) == 0) {
    const auto value = entry->value ? std::optional<std::string_view>(entry->value) : std::nullopt;
    if (auto doubt = doubt_about(entry->name, value, conditions);
        doubt && (!found || doubt->only_git))
      found = *std::move(doubt);
  }
  git_config_iterator_free(settings);
  return found;
}

Result<UniqueFd> config_of_git(const GitPlace& place) {
  const auto answer = ask_git_for_text(place, {"config", "--list", "-z", "--show-scope"});
  if (!answer) return answer.error();
  const std::vector<Listed> list = parse_list(*answer);
  if (auto accepted = check_accepted(place, list); !accepted) return accepted.error();
  auto text = path_lines(place, list);
  if (!text) return text.error();
  for (const Listed& one : list) {
    const auto is_in = [&](std::string_view section) { return one.key.starts_with(section); };
    if (!is_file_setting(one.key) && std::any_of(kSections.begin(), kSections.end(), is_in))
      *text += config_lines(one.key, one.value).value_or("");
  }
  UniqueFd file = git_memory_file(*text);
  if (file.valid()) return file;
  return system_error(ErrorCode::kBug, "no memory file can be made", errno);
}

}  // namespace forkdex
