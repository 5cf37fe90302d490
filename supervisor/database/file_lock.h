#pragma once

#include <filesystem>

#include "common/result.h"
#include "common/unique_fd.h"

namespace forkdex {

/// An advisory lock (flock) on a file that is created where it is missing and never removed. The
/// lock ends with the last copy of its descriptor: a killed holder leaves nothing behind.
class FileLock {
 public:
  /// Opens the file, unlocked; CLOEXEC. ERRORS kDatabaseUnusable, kDiskFull.
  static Result<FileLock> open(const std::filesystem::path& path);

  /// BLOCKS until nobody holds it exclusively.
  void lock_shared();
  /// Whether the lock could be had now. BLOCKS never. A shared lock held before is lost on failure.
  bool try_exclusive();
  void unlock();

  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  UniqueFd fd_;
};

}  // namespace forkdex
