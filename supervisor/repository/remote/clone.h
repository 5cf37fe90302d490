#pragma once

// The clone of a repository elsewhere: bare, in the data folder, made by the git program and
// brought up to date by every run that names its URL. Files are read out of its object store; it is
// never checked out.
//
//   clones/NAME-HASH.git        the clone; HASH is of the URL without userinfo
//   clones/NAME-HASH.git.tmp-…  one that is being made, or was when its maker died
//   clones/NAME-HASH.lock       held while git works on it, by us and by git; says which process
//   clones/NAME-HASH.use        held shared while its objects are read
//
// Killed while a clone is made, we leave a temporary folder, which nobody takes for a clone and the
// next run that makes one removes. Killed while one is brought up to date, we leave it as it was or
// as it is now: git moves its references last, and what it locked is unlocked by the next run.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/error/result.h"
#include "supervisor/installation/file_lock.h"
#include "supervisor/repository/git/remote_url.h"
#include "supervisor/repository/listing.h"

namespace forkdex {

class Clone {
 public:
  /// How `update` shares a clone with other runs, and ends early.
  struct Manners {
    /// Asked several times a second; once it says no, git is ended and an error returned.
    std::function<bool()> keep_going;
    bool wait = false;  ///< while another run works on it
    /// Told once what it waits for and who has it, for a person.
    std::function<void(const std::string& what)> waits;
  };

  /// Makes the clone of `url`, or fetches what has changed: every branch and tag, those that are
  /// gone or were moved by force included, and the remote's HEAD; its history is as long as the
  /// remote's. What a killed run has left of its git is waited for always. Where there was no
  /// clone, an error leaves nothing of one. BLOCKS for as long as that takes. ERRORS kClaimHeld,
  /// naming the process; kRepositoryUnusable with git's own words, kDiskFull, kDatabaseUnusable (no
  /// data folder).
  static Result<Clone> update(const RemoteUrl& url, const Manners& manners);

  /// What is to be indexed: `revision`, or the remote's HEAD. Its root is the URL. ERRORS kUsage
  /// (no such commit), kRepositoryUnusable (its HEAD names a branch that it does not have, too).
  /// The clone is not removed as long as this object lives.
  Result<RepositoryInfo> inspect(const std::string& revision) const;

  /// It was made by this call of update; before, there was none.
  bool is_new() const { return is_new_; }

 private:
  Clone(RemoteUrl url, std::filesystem::path folder, FileLock use, bool is_new)
      : url_(std::move(url)), folder_(std::move(folder)), use_(std::move(use)), is_new_(is_new) {}

  RemoteUrl url_;
  std::filesystem::path folder_;
  FileLock use_;
  bool is_new_;
};

/// Whether PATH means a repository elsewhere: it has the form of a URL, and is no folder that git's
/// short form could as well mean.
bool names_remote(const std::filesystem::path& path);

/// Deletes the clone of the repository whose stored root is `root`, if that is a URL and there is
/// one. ERRORS kClaimHeld (a run over another database reads it), kDatabaseUnusable.
Result<void> remove_clone(std::string_view root);

}  // namespace forkdex
