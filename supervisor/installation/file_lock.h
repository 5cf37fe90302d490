#pragma once

#include <filesystem>
#include <optional>

#include "common/base/unique_fd.h"
#include "common/error/result.h"

namespace forkdex {

/// An advisory lock (flock) on a file that is created where it is missing. The lock ends with the
/// last copy of its descriptor: a killed holder leaves nothing behind but the file.
class FileLock {
 public:
  /// Opens the file, unlocked; CLOEXEC. ERRORS kDatabaseUnusable, kDiskFull.
  static Result<FileLock> open(const std::filesystem::path& path);

  /// BLOCKS until nobody holds it exclusively.
  void lock_shared();
  /// Whether the lock could be had now. BLOCKS never. A shared lock held before is lost on failure.
  bool try_exclusive();
  void unlock();

  /// Whether the file at `path` is the one that is locked: its holder may have removed it while we
  /// waited, and another have locked a new one.
  bool is_at(const std::filesystem::path& path) const;
  /// Writes our process id into the file, or takes it out, for others to read. REQUIRES the lock.
  void sign();
  void clear();
  /// The process that signed it last and is alive, if there is one.
  std::optional<int> holder() const;

  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  UniqueFd fd_;
};

}  // namespace forkdex
