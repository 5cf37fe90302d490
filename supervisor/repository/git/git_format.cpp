#include "supervisor/repository/git/git_format.h"

#include <git2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "common/base/path_text.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStart = "extensions.";

/// What each changes is left out here, read by other means, or judged by its value.
constexpr std::array kAllowed = {
    "worktreeconfig",    "partialclone", "preciousobjects",     "noop-v1",
    "relativeworktrees", "refstorage",   "submodulepathconfig", "objectformat",
    "compatobjectformat"};

/// Those of them that every git which knows them refuses below format version 1. It knows the rest
/// of the newer ones or passes over them, by its own age; below version 1 they are passed over
/// here.
constexpr std::array<std::string_view, 2> kSinceVersion1 = {"noop-v1", "objectformat"};

constexpr std::string_view kUnknownFormat =
    "; clone it with a git that knows this format and index the clone, or index a copy of its "
    "files "
    "without .git";
constexpr std::string_view kSha256 =
    "extensions.objectformat is sha256: its objects are named by SHA-256, which is not read here; "
    "index a copy of its files without .git";

struct Free {
  void operator()(git_config* config) const { git_config_free(config); }
  void operator()(git_config_iterator* settings) const { git_config_iterator_free(settings); }
};

Error refused(std::string sentence) {
  return {ErrorCode::kRepositoryUnusable, std::move(sentence), ""};
}

Error refused_by_libgit2() {
  const git_error* error = git_error_last();
  return refused(error && error->message ? error->message : "no reason given");
}

/// The settings that stand in `file` itself: git follows no include where it looks for a format.
std::map<std::string, std::string> settings_in(const fs::path& file) {
  std::map<std::string, std::string> found;
  git_config* opened = nullptr;
  if (git_config_open_ondisk(&opened, file.c_str()) != 0) return found;
  const std::unique_ptr<git_config, Free> config(opened);
  git_config_iterator* begun = nullptr;
  if (git_config_iterator_new(&begun, opened) != 0) return found;
  const std::unique_ptr<git_config_iterator, Free> settings(begun);
  git_config_entry* entry = nullptr;
  while (git_config_next(&entry, begun) == 0)
    if (entry->include_depth == 0) found[entry->name] = entry->value ? entry->value : "true";
  return found;
}

bool is_true(const std::map<std::string, std::string>& settings, const std::string& key) {
  const auto found = settings.find(key);
  int value = 0;
  return found != settings.end() && git_config_parse_bool(&value, found->second.c_str()) == 0 &&
         value != 0;
}

std::map<std::string, std::string> common_settings(git_repository* repository) {
  return settings_in(fs::path(git_repository_commondir(repository)) / "config");
}

std::int64_t version_in(const std::map<std::string, std::string>& settings) {
  const auto found = settings.find("core.repositoryformatversion");
  std::int64_t version = 0;
  if (found != settings.end()) git_config_parse_int64(&version, found->second.c_str());
  return version;
}

Error too_old(std::string_view extension) {
  return refused(
      fmt::format("git refuses extensions.{} with core.repositoryformatversion 0; `git config "
                  "core.repositoryformatversion 1` in it if the extension is meant, else remove it "
                  "from the configuration",
                  extension));
}

}  // namespace

void allow_extensions() {
  auto names = kAllowed;
  git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, names.data(), names.size());
}

Result<ReferenceStore> check_format(git_repository* repository) {
  const auto settings = common_settings(repository);
  auto store = ReferenceStore::kFiles;
  const bool is_old = version_in(settings) < 1;
  for (const auto& [key, value] : settings) {
    if (!key.starts_with(kStart)) continue;
    const std::string_view name = std::string_view(key).substr(kStart.size());
    if (is_old) {
      const auto* since = std::find(kSinceVersion1.begin(), kSinceVersion1.end(), name);
      if (since != kSinceVersion1.end()) return too_old(name);
      continue;
    }
    if (name == "objectformat" && value == "sha256") return refused(std::string(kSha256));
    if (name == "refstorage" && value == "reftable") store = ReferenceStore::kReftable;
    const bool is_known = (name != "objectformat" || value == "sha1") &&
                          (name != "refstorage" || value == "files" || value == "reftable");
    if (!is_known)
      return refused(
          fmt::format("extensions.{}={} is unknown{}", name, display_path(value), kUnknownFormat));
  }
  return store;
}

Result<bool> has_work_tree(git_repository* repository) {
  const bool has = git_repository_is_bare(repository) == 0;
  if (!is_true(common_settings(repository), "extensions.worktreeconfig")) return has;
  const fs::path folder = git_repository_path(repository);
  const auto settings = settings_in(folder / "config.worktree");
  if (is_true(settings, "core.bare")) return false;
  const auto work_tree = settings.find("core.worktree");
  if (work_tree == settings.end()) return has;
  constexpr int kWithoutGitFile = 0;  // nothing is written
  const fs::path place = folder / work_tree->second;
  if (git_repository_set_workdir(repository, place.c_str(), kWithoutGitFile) != 0)
    return refused_by_libgit2();
  return true;
}

std::string_view remedy_for_format(std::string_view message) {
  const bool is_format = message.find("extension name") != std::string_view::npos ||
                         message.find("repository version") != std::string_view::npos;
  if (message.find("include depth") != std::string_view::npos)
    return "; its configuration includes files through ten others or more, or in a circle: include "
           "them over fewer steps";
  return is_format ? kUnknownFormat : "";
}

}  // namespace forkdex
