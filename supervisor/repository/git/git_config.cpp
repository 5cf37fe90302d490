#include "supervisor/repository/git/git_config.h"

#include <fcntl.h>
#include <git2.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "supervisor/repository/git/config_text.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNothing = "/dev/null";
/// Above the files of a work tree of its own, which libgit2 knows no level for either.
constexpr auto kEnvironmentLevel = static_cast<git_config_level_t>(GIT_CONFIG_LEVEL_APP + 1);

bool is_barred(const fs::path& file) {
  return ::faccessat(AT_FDCWD, file.c_str(), F_OK, AT_EACCESS) != 0 && errno == EACCES;
}

bool is_readable(const char* file) { return ::faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0; }

bool without_system_config() {
  const char* value = std::getenv("GIT_CONFIG_NOSYSTEM");
  int is_true = 0;
  return value && git_config_parse_bool(&is_true, value) == 0 && is_true != 0;
}

Error wrong(std::string what) { return {ErrorCode::kRepositoryUnusable, std::move(what), ""}; }

Result<void> add_file(git_config& config, const char* file, git_config_level_t level,
                      git_repository* repository) {
  constexpr int kInPlaceOfAnother = 1;
  if (git_config_add_file_ondisk(&config, file, level, repository, kInPlaceOfAnother) == 0)
    return {};
  const git_error* error = git_error_last();
  return wrong(fmt::format("{}: {}", display_path(file),
                           error && error->message ? error->message : "not readable"));
}

/// What GIT_CONFIG_COUNT and its companions say, in git's configuration format.
Result<std::string> given_values() {
  const char* count_text = std::getenv("GIT_CONFIG_COUNT");
  if (!count_text || !*count_text) return std::string();
  const std::string_view digits = count_text;
  unsigned count = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size())
    return wrong("GIT_CONFIG_COUNT is no number");
  std::string text;
  for (unsigned n = 0; n < count; ++n) {
    const std::string key_name = fmt::format("GIT_CONFIG_KEY_{}", n);
    const std::string value_name = fmt::format("GIT_CONFIG_VALUE_{}", n);
    const char* key = std::getenv(key_name.c_str());
    const char* value = std::getenv(value_name.c_str());
    if (!key || !value) return wrong((key ? value_name : key_name) + " is not set");
    const auto line = config_lines(key, value);
    if (!line) return wrong(key_name + " is no name of a setting");
    text += *line;
  }
  return text;
}

}  // namespace

fs::path user_config_folder() {
  const char* config_home = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (config_home && *config_home) return fs::path(config_home) / "git";
  if (home && *home) return fs::path(home) / ".config" / "git";
  return {};
}

void find_git_config() {
  const auto search = [](git_config_level_t level, const char* folder) {
    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, folder);
  };
  const char* home = std::getenv("HOME");
  const fs::path home_folder = home ? home : "";
  const fs::path config_folder = user_config_folder();
  // Also where `~` leads; that it holds another file than GIT_CONFIG_GLOBAL is put right later.
  search(GIT_CONFIG_LEVEL_GLOBAL, is_barred(home_folder / ".gitconfig") ? "" : home_folder.c_str());
  const bool no_user_config =
      std::getenv("GIT_CONFIG_GLOBAL") || is_barred(config_folder / "config");
  search(GIT_CONFIG_LEVEL_XDG, no_user_config ? "" : config_folder.c_str());
  const bool no_system_config = std::getenv("GIT_CONFIG_SYSTEM") || without_system_config();
  search(GIT_CONFIG_LEVEL_SYSTEM, no_system_config ? "" : nullptr);  // null: the usual place
}

Result<UniqueFd> add_config_of_environment(git_config& config, git_repository* repository) {
  if (const char* global = std::getenv("GIT_CONFIG_GLOBAL")) {
    const char* file = is_readable(global) ? global : kNothing;
    if (auto added = add_file(config, file, GIT_CONFIG_LEVEL_GLOBAL, repository); !added)
      return added.error();
  }
  const char* system = std::getenv("GIT_CONFIG_SYSTEM");
  if (system && is_readable(system) && !without_system_config())
    if (auto added = add_file(config, system, GIT_CONFIG_LEVEL_SYSTEM, repository); !added)
      return added.error();
  const auto values = given_values();
  if (!values) return values.error();
  if (values->empty()) return UniqueFd();
  // Some may be secret: they are on no disk.
  UniqueFd file(::memfd_create("forkdex-git-config", MFD_CLOEXEC));
  if (!write_all(file.get(), *values))
    return wrong("no memory file can be made for GIT_CONFIG_COUNT");
  const std::string path = fmt::format("/proc/self/fd/{}", file.get());
  if (auto added = add_file(config, path.c_str(), kEnvironmentLevel, repository); !added)
    return added.error();
  return file;
}

}  // namespace forkdex
