#include "supervisor/repository/remote/clone.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "common/base/hash.h"
#include "common/base/path_text.h"
#include "supervisor/installation/data_folder.h"
#include "supervisor/installation/locations.h"
#include "supervisor/repository/remote/git_program.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kBetweenLocks{100};
constexpr std::size_t kNameBytes = 40;
constexpr std::size_t kHashDigits = 16;

/// How git fetches, whatever the user's own configuration says.
constexpr std::array kSettings = {
    "core.hooksPath=/dev/null",  // nothing of the user's is run
    "safe.directory=*",          // the clone is ours, whoever a container says its owner is
    "fetch.unpackLimit=1",       // a pack is one file, objects are thousands
    "http.lowSpeedLimit=1",      // a server that has fallen silent ends the run, not hangs it
    "http.lowSpeedTime=600",
    "gc.autoDetach=false",  // no git may be left behind
    "maintenance.autoDetach=false",
};
constexpr std::array kOptions = {"--quiet",
                                 "--force",
                                 "--prune",
                                 "--no-tags",
                                 "--no-recurse-submodules",
                                 "--no-write-fetch-head",
                                 "--update-shallow"};
constexpr std::array kReferences = {"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"};

/// Where the parts of one clone stand.
struct Places {
  fs::path clone;
  fs::path lock;
  fs::path use;
  /// What a clone is called until it is whole starts so.
  std::string temporary_prefix() const { return clone.filename().string() + ".tmp-"; }
};

Places places_of(const fs::path& clones, const RemoteUrl& url) {
  std::string name = url.name.substr(0, kNameBytes);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  name += '-' + hex(sha256(url.shown)).substr(0, kHashDigits);
  return {clones / (name + ".git"), clones / (name + ".lock"), clones / (name + ".use")};
}

Error not_writable(const fs::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return system_error(
      full ? ErrorCode::kDiskFull : ErrorCode::kDatabaseUnusable,
      fmt::format("the folder of clones {} cannot be written", display_path(path.native())), error);
}

Result<fs::path> clones_folder() {
  auto data = DataFolder::open();
  if (!data) return data.error();
  const fs::path clones = data->path / "clones";
  if (::mkdir(clones.c_str(), 0700) != 0 && errno != EEXIST) return not_writable(clones, errno);
  return clones;
}

Error interrupted(const RemoteUrl& url) {
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("fetching {} was interrupted; run again", display_path(url.shown)), ""};
}

Error fetch_failed(const RemoteUrl& url, const std::string& said) {
  if (said.find("No space left on device") != std::string::npos)
    return {ErrorCode::kDiskFull,
            fmt::format("the data folder has no room for the clone of {}; free some space and run "
                        "again",
                        display_path(url.shown)),
            said};
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("git could not fetch {}: check the address, the network and the credentials "
                      "that git has for it, then run again",
                      display_path(url.shown)),
          said};
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// A value in git's configuration format.
std::string quoted(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

/// What the URL said of who we are, for the host it was said to.
std::string credentials_of(const RemoteUrl& url) {
  if (url.user.empty() && url.password.empty()) return "";
  const std::size_t authority = url.shown.find("://") + 3;
  const std::string host = url.shown.substr(0, url.shown.find('/', authority));
  if (url.password.empty())  // git's helpers may know the rest
    return fmt::format("[credential {}]\n\tusername = {}\n", quoted(host), quoted(url.user));
  const std::string header = "Authorization: Basic " + base64(url.user + ':' + url.password);
  return fmt::format("[http {}]\n\textraHeader = {}\n", quoted(host + '/'), quoted(header));
}

/// Removes what git locked or began and did not come to end. REQUIRES that no git is at work there.
void clear_up(const fs::path& clone) {
  std::error_code ignored;
  std::vector<fs::path> stale;
  for (fs::recursive_directory_iterator at(clone, ignored), end; at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (name == "objects") at.disable_recursion_pending();
    if (name.ends_with(".lock")) stale.push_back(at->path());
  }
  for (const fs::path& folder : {clone / "objects", clone / "objects/pack"})
    for (fs::directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with("tmp_") || name.starts_with(".tmp-") || name.starts_with("incoming-"))
        stale.push_back(at->path());
    }
  for (const fs::path& path : stale) fs::remove_all(path, ignored);
}

/// Whether there is a repository at all; somebody may have cleared the data folder by hand.
bool is_repository(const fs::path& clone) {
  std::error_code ignored;
  return fs::exists(clone / "HEAD", ignored) && fs::exists(clone / "objects", ignored);
}

/// Removes what is left of clones that were not finished: of ours, whose lock we have, and of those
/// on which nobody works.
void remove_unfinished(const Places& places) {
  const std::string mark = places.temporary_prefix().substr(places.clone.stem().string().size());
  std::error_code ignored;
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator at(places.clone.parent_path(), ignored), end; at != end;
       at.increment(ignored))
    if (at->path().filename().string().find(mark) != std::string::npos)
      unfinished.push_back(at->path());
  for (const fs::path& folder : unfinished) {
    std::string lock_path = folder.string();
    lock_path.replace(lock_path.rfind(mark), std::string::npos, ".lock");
    if (lock_path == places.lock) {
      fs::remove_all(folder, ignored);
      continue;
    }
    auto lock = FileLock::open(lock_path);
    if (!lock || !lock->try_exclusive() || !lock->is_at(lock_path)) continue;
    fs::remove_all(folder, ignored);
    std::string clone = folder.string();
    clone.resize(clone.rfind(mark) + places.clone.extension().string().size());
    if (fs::exists(clone, ignored)) continue;
    std::string use_path = lock_path;
    use_path.replace(use_path.rfind(".lock"), std::string::npos, ".use");
    fs::remove(use_path, ignored);
    fs::remove(lock_path, ignored);
  }
}

/// Takes the clone's lock, and signs it.
Result<FileLock> lock_clone(const Places& places, const RemoteUrl& url,
                            const Clone::Manners& manners) {
  const auto in_use = [&](const std::string& by) {
    return fmt::format("the clone of {} is in use by {}", display_path(url.shown), by);
  };
  for (bool told = false;;) {
    auto lock = FileLock::open(places.lock);
    if (!lock) return lock;
    while (!lock->try_exclusive()) {
      const auto holder = lock->holder();
      if (!manners.keep_going()) return interrupted(url);
      if (holder && !manners.wait)
        return Error{ErrorCode::kClaimHeld,
                     in_use(fmt::format("process {}", *holder)) +
                         ": run again when it is done, or give --wait",
                     ""};
      if (!told && manners.waits)
        manners.waits(in_use(holder ? fmt::format("process {}", *holder)
                                    : "the git of a run that has ended"));
      told = true;
      std::this_thread::sleep_for(kBetweenLocks);
    }
    if (!lock->is_at(places.lock)) continue;  // `remove` was quicker
    lock->sign();
    return lock;
  }
}

/// One URL, one folder, and the git program between them. REQUIRES the lock.
class Fetch {
 public:
  Fetch(const RemoteUrl& url, const FileLock& lock, const std::function<bool()>& keep_going)
      : url_(url), lock_(lock), keep_going_(keep_going) {}

  /// Makes `folder` a repository in which HEAD is the remote's.
  Result<void> make(const fs::path& folder) const {
    // The user's init.defaultBranch may be no name of a branch; ours is replaced below.
    auto made = run({"-c", "init.defaultBranch=main", "init", "--quiet", "--bare",
                     "--template=", folder.string()},
                    false);
    if (!made) return made;
    if (!(std::ofstream(folder / "HEAD") << "ref: refs/forkdex/head\n").flush())
      return not_writable(folder, errno);
    return {};
  }

  /// Brings `folder` up to date. With `may_collect`, git may pack it anew where it sees fit, which
  /// nobody who reads its objects must notice.
  Result<void> update(const fs::path& folder, bool may_collect) const {
    auto fetched = fetch(folder, may_collect, {"+HEAD:refs/forkdex/head"});
    if (fetched || fetched.error().context.find("find remote ref HEAD") == std::string::npos)
      return fetched;
    // It has no commit that HEAD stands on; it may have branches.
    fetched = fetch(folder, may_collect, {});
    if (!fetched) return fetched;
    return run({git_dir(folder), "update-ref", "-d", "refs/forkdex/head"}, false);
  }

 private:
  /// Named so, and not entered: with safe.bareRepository=explicit git finds no bare repository by
  /// itself.
  static std::string git_dir(const fs::path& folder) { return "--git-dir=" + folder.string(); }

  Result<void> fetch(const fs::path& folder, bool may_collect,
                     const std::vector<std::string>& head) const {
    std::vector<std::string> arguments;
    for (const char* setting : kSettings) arguments.insert(arguments.end(), {"-c", setting});
    if (!may_collect) arguments.insert(arguments.end(), {"-c", "gc.auto=0"});
    arguments.insert(arguments.end(), {git_dir(folder), "fetch"});
    arguments.insert(arguments.end(), kOptions.begin(), kOptions.end());
    // Cut off as the remote was, and perhaps is no more: git then fetches what the remote has.
    std::error_code ignored;
    if (fs::exists(folder / "shallow", ignored)) arguments.push_back("--unshallow");
    arguments.insert(arguments.end(), {"--", url_.argument});
    arguments.insert(arguments.end(), kReferences.begin(), kReferences.end());
    arguments.insert(arguments.end(), head.begin(), head.end());
    return run(std::move(arguments), true);
  }

  Result<void> run(std::vector<std::string> arguments, bool with_credentials) const {
    GitCommand command;
    command.arguments = std::move(arguments);
    if (with_credentials) command.secret_configuration = credentials_of(url_);
    command.kept_fd = lock_.fd();
    const auto ended = run_git(command, keep_going_);
    if (!ended) return ended.error();
    if (ended->ok) return {};
    return keep_going_() ? fetch_failed(url_, ended->said) : interrupted(url_);
  }

  const RemoteUrl& url_;
  const FileLock& lock_;
  const std::function<bool()>& keep_going_;
};

/// Makes the clone under another name, which it has until it is whole.
Result<void> make_clone(const Fetch& fetch, const Places& places) {
  remove_unfinished(places);
  std::string temporary =
      (places.clone.parent_path() / (places.temporary_prefix() + "XXXXXX")).string();
  if (!::mkdtemp(temporary.data())) return not_writable(places.clone.parent_path(), errno);
  auto made = fetch.make(temporary);
  if (made) made = fetch.update(temporary, false);
  std::error_code problem;
  if (made) fs::rename(temporary, places.clone, problem);
  if (problem) made = not_writable(places.clone, problem.value());
  if (!made) fs::remove_all(temporary, problem);
  return made;
}

/// Nobody refers to a clone that was not made. REQUIRES its lock.
void remove_locks(const Places& places, FileLock& use) {
  if (!use.try_exclusive()) return;
  std::error_code ignored;
  fs::remove(places.use, ignored);
  // The lock last: who waits for it sees that it is gone, and makes another.
  fs::remove(places.lock, ignored);
}

}  // namespace

Result<Clone> Clone::update(const RemoteUrl& url, const Manners& manners) {
  const auto clones = clones_folder();
  if (!clones) return clones.error();
  const Places places = places_of(*clones, url);
  auto lock = lock_clone(places, url, manners);
  if (!lock) return lock.error();
  auto use = FileLock::open(places.use);
  if (!use) return use.error();
  const Fetch fetch(url, *lock, manners.keep_going);
  std::error_code problem;
  if (!is_repository(places.clone)) fs::remove_all(places.clone, problem);
  const bool is_new = !fs::exists(places.clone, problem);
  if (!is_new) clear_up(places.clone);
  auto updated =
      is_new ? make_clone(fetch, places) : fetch.update(places.clone, use->try_exclusive());
  if (updated) use->lock_shared();
  lock->clear();
  if (!updated && is_new) remove_locks(places, *use);
  if (!updated) return updated.error();
  return Clone(url, places.clone, *std::move(use), is_new);
}

Result<RepositoryInfo> Clone::inspect(const std::string& revision) const {
  auto info = inspect_repository(folder_, revision, url_.shown);
  if (!info && info.error().code == ErrorCode::kUsage)
    return Error{ErrorCode::kUsage,
                 fmt::format("there is no commit {} in {}; give --rev a branch, a tag or the id of "
                             "a commit in one",
                             display_path(revision), display_path(url_.shown)),
                 ""};
  if (!info) return info;
  info->root = url_.shown;
  info->default_name = url_.name;
  info->remote = url_.shown;
  return info;
}

bool names_remote(const fs::path& path) {
  const std::string& text = path.native();
  if (!is_remote_url(text)) return false;
  std::error_code problem;
  return text.find("://") != std::string::npos || !fs::exists(path, problem);
}

Result<void> remove_clone(std::string_view root) {
  if (root.starts_with('/')) return {};
  const auto url = parse_remote_url(root);
  const auto data = data_folder();
  if (!url || !data) return {};
  const Places places = places_of(*data / "clones", *url);
  std::error_code problem;
  if (!fs::exists(places.lock, problem)) return {};
  auto lock = FileLock::open(places.lock);
  if (!lock) return lock.error();
  auto use = FileLock::open(places.use);
  if (!use) return use.error();
  if (!lock->try_exclusive() || !lock->is_at(places.lock) || !use->try_exclusive())
    return Error{ErrorCode::kClaimHeld,
                 fmt::format("the clone of {} is in use by another run, so it was left; delete {} "
                             "when that is done",
                             display_path(root), display_path(places.clone.native())),
                 ""};
  remove_unfinished(places);
  // Out of the way first: half a clone must not be taken for one.
  const fs::path aside = places.clone.parent_path() / (places.temporary_prefix() + "removed");
  fs::rename(places.clone, aside, problem);
  if (!problem) fs::remove_all(aside, problem);
  if (problem && problem != std::errc::no_such_file_or_directory)
    return not_writable(places.clone, problem.value());
  remove_locks(places, *use);
  return {};
}

}  // namespace forkdex
