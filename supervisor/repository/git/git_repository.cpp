#include "supervisor/repository/git/git_repository.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "common/base/path_text.h"
#include "supervisor/repository/git/git_config.h"
#include "supervisor/repository/git/object_folders.h"
#include "supervisor/repository/git/remote_url.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

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
    // These change how objects and configuration are stored, not what is read here.
    std::array<const char*, 3> extensions = {"worktreeconfig", "partialclone", "preciousobjects"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions.data(), extensions.size());
    // A history is read once, front to back: keeping its commits would only cost memory.
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, std::size_t{1} << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, std::size_t{16} << 20);
    return true;
  }();
  static_cast<void>(started);
}

/// What to do about a repository that libgit2 refuses in these words; empty where nobody knows.
std::string_view remedy_for(std::string_view message) {
  struct Known {
    std::string_view words;
    std::string_view remedy;
  };
  constexpr std::array kKnown = {
      Known{"'link'",
            "; it is a split index: `git update-index --no-split-index` makes it a whole one"},
      Known{"'sdir'",
            "; it is a sparse index: `git sparse-checkout reapply --no-sparse-index` makes it a "
            "whole one"},
      Known{"extensions.objectformat",
            "; its objects are named by SHA-256, which is not read here: index a copy of its "
            "files without .git"},
  };
  for (const Known& known : kKnown)
    if (message.find(known.words) != std::string_view::npos) return known.remedy;
  return "";
}

Error repository_error(const fs::path& folder, std::string_view what) {
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("the git repository of {} cannot be used: {}{}", shown(folder), what,
                      remedy_for(what)),
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

std::string_view GitIndexEntry::path() const { return entry_->path; }

bool GitIndexEntry::is_submodule() const { return entry_->mode == GIT_FILEMODE_COMMIT; }

bool GitIndexEntry::is_sparse() const {
  return (entry_->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
}

std::optional<std::string> GitIndexEntry::oid() const {
  if (GIT_INDEX_ENTRY_STAGE(entry_) != 0) return std::nullopt;
  if ((entry_->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0) return std::nullopt;
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &entry_->id);
  return text;
}

std::int64_t GitIndexEntry::mtime_ns() const {
  return entry_->mtime.seconds * kNanosecondsPerSecond + entry_->mtime.nanoseconds;
}

bool GitIndexEntry::same_stat(const struct stat& file) const {
  const auto same_time = [](const git_index_time& seen, const timespec& now) {
    // The index keeps 32 bits of the seconds, and some writers no fraction.
    return seen.seconds == static_cast<std::int32_t>(now.tv_sec) &&
           (seen.nanoseconds == 0 || seen.nanoseconds == static_cast<std::uint32_t>(now.tv_nsec));
  };
  return entry_->file_size == static_cast<std::uint32_t>(file.st_size) &&
         entry_->ino == static_cast<std::uint32_t>(file.st_ino) &&
         same_time(entry_->mtime, file.st_mtim) && same_time(entry_->ctime, file.st_ctim);
}

void GitIndex::Free::operator()(git_index* index) const { git_index_free(index); }

GitIndex::GitIndex(git_index* index) : index_(index), size_(git_index_entrycount(index)) {
  struct stat file{};
  if (::stat(git_index_path(index), &file) == 0)
    written_ns_ = file.st_mtim.tv_sec * kNanosecondsPerSecond + file.st_mtim.tv_nsec;
}

GitIndexEntry GitIndex::operator[](std::size_t i) const {
  return GitIndexEntry(git_index_get_byindex(index_.get(), i));
}

std::size_t GitIndex::lower_bound(std::string_view path) const {
  std::size_t low = 0;
  std::size_t high = size_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if ((*this)[middle].path() < path)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool GitIndex::is_current(const GitIndexEntry& entry, const struct stat& file) const {
  return entry.same_stat(file) && entry.mtime_ns() < written_ns_ && entry.oid();
}

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
  std::error_code problem;
  const fs::path own = fs::canonical(without_trailing_slash(git_repository_path(opened)), problem);
  const bool bare = git_repository_is_bare(opened) != 0;
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

Result<void> GitRepository::read_config() {
  git_config* config = nullptr;
  if (git_repository_config(&config, repository_.get()) != 0) return unusable(last_message());
  config_.reset(config);
  auto values = add_config_of_environment(*config, repository_.get());
  if (!values) return unusable(values.error().sentence);
  given_values_ = *std::move(values);
  int per_work_tree = 0;
  git_config_get_bool(&per_work_tree, config, "extensions.worktreeconfig");
  if (!per_work_tree) return {};
  const fs::path file = fs::path(git_repository_path(repository_.get())) / "config.worktree";
  const int added =
      git_config_add_file_ondisk(config, file.c_str(), GIT_CONFIG_LEVEL_APP, repository_.get(), 0);
  if (added != 0 && added != GIT_ENOTFOUND) return unusable(last_message());
  return {};
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
  git_index* index = nullptr;
  int status = git_repository_item_path(&path, repository_.get(), GIT_REPOSITORY_ITEM_INDEX);
  if (status == 0) status = git_index_open(&index, path.ptr);
  git_buf_dispose(&path);
  if (status != 0)
    return unusable(fmt::format("its index is not readable here: {}", last_message()));
  return GitIndex(index);
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
  git_object* named = nullptr;
  git_object* commit = nullptr;
  int status = git_revparse_single(&named, repository_.get(), revision.c_str());
  if (status == 0) status = git_object_peel(&commit, named, GIT_OBJECT_COMMIT);
  std::string text(GIT_OID_HEXSZ, '\0');
  if (status == 0) git_oid_fmt(text.data(), git_object_id(commit));
  git_object_free(named);
  git_object_free(commit);
  if (status == 0) return text;
  return Error{
      ErrorCode::kUsage,
      fmt::format("there is no commit {} in {}; give --rev a branch, a tag or a commit's id",
                  display_path(revision), shown(folder())),
      ""};
}

Result<std::optional<std::string>> GitRepository::head() const {
  git_oid oid;
  const int status = git_reference_name_to_id(&oid, repository_.get(), "HEAD");
  if (status == GIT_ENOTFOUND) return std::optional<std::string>();
  if (status != 0) return unusable(fmt::format("HEAD is not readable: {}", last_message()));
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &oid);
  return std::optional<std::string>(std::move(text));
}

bool GitRepository::has_branches() const {
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
  if (git_reference_name_to_id(&oid, repository_.get(), "HEAD") != 0) return std::nullopt;
  const auto text_of = [](const git_oid& id) {
    std::string text(GIT_OID_HEXSZ, '\0');
    git_oid_fmt(text.data(), &id);
    return text;
  };
  const std::string head = text_of(oid);
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
