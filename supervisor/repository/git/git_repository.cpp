#include "supervisor/repository/git/git_repository.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "common/base/path_text.h"
#include "supervisor/repository/git/config_of_git.h"
#include "supervisor/repository/git/git_config.h"
#include "supervisor/repository/git/index_file.h"
#include "supervisor/repository/git/object_folders.h"
#include "supervisor/repository/git/references_of_git.h"
#include "supervisor/repository/git/remote_url.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return display_path(path.native()); }

std::string last_message() {
  const git_error* error = git_error_last();
  return error && error->message ? error->message : "no reason given";
}

/// What libgit2 needs once a process. It is never shut down: nothing of it outlives the process.
void start_libgit2() {
  static const bool started = [] {
    git_libgit2_init();
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    allow_extensions();
    // A history is read once, front to back: keeping its commits would only cost memory.
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, std::size_t{1} << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, std::size_t{16} << 20);
    return true;
  }();
  static_cast<void>(started);
}

Error repository_error(const fs::path& folder, std::string_view what) {
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("the git repository of {} cannot be used: {}{}", shown(folder), what,
                      remedy_for_format(what)),
          ""};
}

/// Whether `folder` lies at or below `top`.
bool contains(const fs::path& top, const fs::path& folder) {
  const std::string& prefix = top.native();
  const std::string& path = folder.native();
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/');
}

fs::path without_trailing_slash(const char* path) {
  std::string text = path;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

/// libgit2 reports a `.git` that it may not look into, or that points nowhere, as "not found";
/// walking such a folder as a plain one would ignore the rules of its owner without a word.
std::optional<Error> hidden_repository(const fs::path& folder) {
  struct stat start{};
  if (::stat(folder.c_str(), &start) != 0) return std::nullopt;
  for (fs::path at = folder;; at = at.parent_path()) {
    struct stat here{};
    struct stat inside{};
    if (::stat(at.c_str(), &here) != 0 || here.st_dev != start.st_dev) return std::nullopt;
    const fs::path dot_git = at / ".git";
    if (::stat(dot_git.c_str(), &inside) == 0) {
      if (S_ISREG(inside.st_mode))
        return repository_error(folder, fmt::format("{} does not lead to one", shown(dot_git)));
      if (S_ISDIR(inside.st_mode) && ::stat((dot_git / "HEAD").c_str(), &inside) != 0 &&
          errno == EACCES)
        return repository_error(
            folder, fmt::format("{} may not be read; run as its owner", shown(dot_git)));
    }
    if (at == at.root_path()) return std::nullopt;
  }
}

}  // namespace

void GitRepository::Free::operator()(git_repository* repository) const {
  git_repository_free(repository);
}

void GitRepository::Free::operator()(git_config* config) const { git_config_free(config); }

Result<std::optional<GitRepository>> GitRepository::discover(const fs::path& folder) {
  start_libgit2();
  find_git_config();
  GitRepository found;
  git_repository* opened = nullptr;
  const int status =
      git_repository_open_ext(&opened, folder.c_str(), 0, std::getenv("GIT_CEILING_DIRECTORIES"));
  found.repository_.reset(opened);
  if (status == GIT_ENOTFOUND) {
    if (auto error = hidden_repository(folder)) return *std::move(error);
    return std::optional<GitRepository>();
  }
  if (status != 0) return repository_error(folder, last_message());
  if (auto read = found.read_format(); !read)
    return repository_error(folder, read.error().sentence);
  const auto has_tree = has_work_tree(opened);
  if (!has_tree) return repository_error(folder, has_tree.error().sentence);
  std::error_code problem;
  const fs::path own = fs::canonical(without_trailing_slash(git_repository_path(opened)), problem);
  const bool bare = !*has_tree;
  if (!problem && bare && own == folder) {
    if (auto read = found.read_config(); !read) return read.error();
    return std::optional<GitRepository>(std::move(found));
  }
  if (problem || bare || contains(own, folder))
    return repository_error(folder,
                            fmt::format("the folder is git's own; give the {} it belongs to",
                                        bare ? "bare repository" : "work tree"));
  const char* top = git_repository_workdir(opened);
  found.work_tree_ = fs::canonical(without_trailing_slash(top ? top : ""), problem);
  if (problem || !contains(found.work_tree_, folder)) return std::optional<GitRepository>();
  if (auto read = found.read_config(); !read) return read.error();
  return std::optional<GitRepository>(std::move(found));
}

Result<void> GitRepository::read_format() {
  const auto references = check_format(repository_.get());
  if (!references) return references.error();
  references_ = *references;
  return {};
}

Result<void> GitRepository::read_config() {
  git_config* config = nullptr;
  if (git_repository_config(&config, repository_.get()) != 0) return unusable(last_message());
  config_.reset(config);
  auto values = add_config_of_environment(*config, repository_.get());
  if (!values) return unusable(values.error().sentence);
  given_values_ = *std::move(values);
  if (auto read = read_work_trees_config(); !read) return read.error();
  return ask_for_config();
}

Result<void> GitRepository::read_work_trees_config() {
  int per_work_tree = 0;
  git_config_get_bool(&per_work_tree, config_.get(), "extensions.worktreeconfig");
  if (!per_work_tree) return {};
  const fs::path file = fs::path(git_repository_path(repository_.get())) / "config.worktree";
  const int added = git_config_add_file_ondisk(config_.get(), file.c_str(), GIT_CONFIG_LEVEL_APP,
                                               repository_.get(), 0);
  if (added != 0 && added != GIT_ENOTFOUND) return unusable(last_message());
  return {};
}

/// Takes git's own reading in place of libgit2's, where the two may differ.
Result<void> GitRepository::ask_for_config() {
  const auto doubt = doubt_about(*config_, repository_.get());
  if (!doubt) return {};
  auto file = config_of_git(place());
  // Without git, what libgit2 has is right but for corner cases.
  if (!file && !doubt->only_git) return {};
  if (!file)
    return unusable(
        fmt::format("only git itself reads {}, and {}", doubt->setting, file.error().sentence));
  git_config* config = nullptr;
  if (git_config_new(&config) != 0) return unusable(last_message());
  std::unique_ptr<git_config, Free> answered(config);
  const std::string path = fmt::format("/proc/self/fd/{}", file->get());
  if (git_config_add_file_ondisk(config, path.c_str(), GIT_CONFIG_LEVEL_APP, repository_.get(),
                                 0) != 0)
    return unusable(last_message());
  config_ = std::move(answered);  // it reads the file, which therefore is replaced after it
  given_values_ = *std::move(file);
  return {};
}

GitPlace GitRepository::place() const {
  return {without_trailing_slash(git_repository_path(repository_.get())), work_tree_, {}};
}

fs::path GitRepository::folder() const {
  return is_bare() ? without_trailing_slash(git_repository_path(repository_.get())) : work_tree_;
}

Error GitRepository::unusable(std::string_view what) const {
  return repository_error(folder(), what);
}

std::optional<std::string> GitRepository::config_text(const char* key) const {
  git_buf value = {};
  if (git_config_get_string_buf(&value, config_.get(), key) != 0) return std::nullopt;
  std::string text(value.ptr, value.size);
  git_buf_dispose(&value);
  return text;
}

Result<GitIndex> GitRepository::index() const {
  // Opened by its path and not through the repository, whose core.ignorecase would order it anew.
  git_buf path = {};
  if (git_repository_item_path(&path, repository_.get(), GIT_REPOSITORY_ITEM_INDEX) != 0)
    return unusable(last_message());
  const fs::path file(std::string(path.ptr, path.size));
  git_buf_dispose(&path);
  auto index = open_index(file, place(), repository_.get());
  if (!index) return unusable(index.error().sentence);
  return index;
}

bool GitRepository::ignores_case() const {
  int value = 0;
  git_config_get_bool(&value, config_.get(), "core.ignorecase");
  return value != 0;
}

/// The file that `key` names, else `name` among the user's own.
std::optional<fs::path> GitRepository::user_file(const char* key, const char* name) const {
  git_buf configured = {};
  std::optional<fs::path> file;
  const fs::path user = user_config_folder();
  if (git_config_get_path(&configured, config_.get(), key) == 0)
    file = work_tree_ / std::string(configured.ptr, configured.size);
  else if (!user.empty())
    file = user / name;
  git_buf_dispose(&configured);
  return file;
}

fs::path GitRepository::info_file(const char* name) const {
  return fs::path(git_repository_commondir(repository_.get())) / "info" / name;
}

std::vector<fs::path> GitRepository::exclude_files() const {
  std::vector<fs::path> files;
  if (auto file = user_file("core.excludesfile", "ignore")) files.push_back(*std::move(file));
  files.push_back(info_file("exclude"));
  return files;
}

std::vector<fs::path> GitRepository::attributes_files() const {
  std::vector<fs::path> files = {"/etc/gitattributes"};
  if (auto file = user_file("core.attributesfile", "attributes")) files.push_back(*std::move(file));
  files.push_back(info_file("attributes"));
  return files;
}

std::optional<std::string> GitRepository::content(const std::string& blob_oid,
                                                  std::size_t max_bytes) const {
  git_oid oid;
  git_blob* blob = nullptr;
  if (git_oid_fromstr(&oid, blob_oid.c_str()) != 0) return std::nullopt;
  if (git_blob_lookup(&blob, repository_.get(), &oid) != 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(git_blob_rawsize(blob));
  std::optional<std::string> text;
  if (size <= max_bytes) text.emplace(static_cast<const char*>(git_blob_rawcontent(blob)), size);
  git_blob_free(blob);
  return text;
}

Result<std::string> GitRepository::commit(const std::string& revision) const {
  if (references_ == ReferenceStore::kReftable) {
    auto found = commit_by_git(place(), revision);
    if (!found) return unusable(found.error().sentence);
    if (*found) return **std::move(found);
    return no_commit(revision);
  }
  git_object* named = nullptr;
  git_object* commit = nullptr;
  int status = git_revparse_single(&named, repository_.get(), revision.c_str());
  if (status == 0) status = git_object_peel(&commit, named, GIT_OBJECT_COMMIT);
  std::string text(GIT_OID_HEXSZ, '\0');
  if (status == 0) git_oid_fmt(text.data(), git_object_id(commit));
  git_object_free(named);
  git_object_free(commit);
  if (status == 0) return text;
  return no_commit(revision);
}

Error GitRepository::no_commit(const std::string& revision) const {
  return {ErrorCode::kUsage,
          fmt::format("there is no commit {} in {}; give --rev a branch, a tag or a commit's id",
                      display_path(revision), shown(folder())),
          ""};
}

Result<std::optional<std::string>> GitRepository::head() const {
  if (references_ == ReferenceStore::kReftable) {
    auto found = commit_by_git(place(), "HEAD");
    if (!found) return unusable(found.error().sentence);
    return found;
  }
  git_oid oid;
  const int status = git_reference_name_to_id(&oid, repository_.get(), "HEAD");
  if (status == GIT_ENOTFOUND) return std::optional<std::string>();
  if (status != 0) return unusable(fmt::format("HEAD is not readable: {}", last_message()));
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &oid);
  return std::optional<std::string>(std::move(text));
}

bool GitRepository::has_branches() const {
  if (references_ == ReferenceStore::kReftable) {
    const auto has = has_branches_by_git(place());
    return has && *has;
  }
  git_reference_iterator* references = nullptr;
  if (git_reference_iterator_glob_new(&references, repository_.get(), "refs/heads/*") != 0)
    return false;
  const char* name = nullptr;
  const bool has = git_reference_next_name(&name, references) == 0;
  git_reference_iterator_free(references);
  return has;
}

std::vector<fs::path> GitRepository::object_folders() const {
  git_buf own = {};
  std::vector<fs::path> folders;
  if (git_repository_item_path(&own, repository_.get(), GIT_REPOSITORY_ITEM_OBJECTS) == 0)
    folders = object_folders_of(own.ptr);
  git_buf_dispose(&own);
  return folders;
}

std::optional<std::string> GitRepository::remote() const {
  const auto url = config_text("remote.origin.url");
  if (!url) return std::nullopt;
  return remote_without_secrets(*url);
}

bool GitRepository::is_partial() const {
  git_config_iterator* entries = nullptr;
  if (git_config_iterator_glob_new(&entries, config_.get(),
                                   "^(remote\\..*\\.promisor|extensions\\.partialclone)$") != 0)
    return false;
  git_config_entry* entry = nullptr;
  const bool is_partial = git_config_next(&entry, entries) == 0;
  git_config_iterator_free(entries);
  return is_partial;
}

std::optional<RootCommit> GitRepository::root_commit(const std::optional<RootCommit>& known) const {
  if (git_repository_is_shallow(repository_.get())) return std::nullopt;
  git_oid oid;
  const auto found_head = head();
  if (!found_head || !*found_head || git_oid_fromstr(&oid, (*found_head)->c_str()) != 0)
    return std::nullopt;
  const auto text_of = [](const git_oid& id) {
    std::string text(GIT_OID_HEXSZ, '\0');
    git_oid_fmt(text.data(), &id);
    return text;
  };
  const std::string& head = **found_head;
  git_oid known_head;
  const bool is_known = known && git_oid_fromstr(&known_head, known->head.c_str()) == 0;
  while (true) {
    if (is_known && git_oid_equal(&oid, &known_head)) return RootCommit{known->commit, head};
    git_commit* commit = nullptr;
    if (git_commit_lookup(&commit, repository_.get(), &oid) != 0) return std::nullopt;
    const bool is_root = git_commit_parentcount(commit) == 0;
    if (!is_root) oid = *git_commit_parent_id(commit, 0);
    git_commit_free(commit);
    if (is_root) return RootCommit{text_of(oid), head};
  }
}

}  // namespace forkdex
