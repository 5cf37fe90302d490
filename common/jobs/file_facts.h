#pragma once

// What is said of a file everywhere: in the plan, a job, a row and the report. Held by value.

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/jobs/file_state.h"

namespace forkdex {

/// The longest path that is indexed.
inline constexpr std::size_t kMaxPathBytes = 4095;

/// What lstat said of a file when it was listed. Equal signatures mean unchanged bytes, unless
/// mtime or ctime lies within the racy window before `seen_at_ns`.
struct StatSignature {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t seen_at_ns = 0;  ///< when the listing looked, wall clock

  bool same_file(const StatSignature& other) const {
    return size == other.size && mtime_ns == other.mtime_ns && ctime_ns == other.ctime_ns &&
           inode == other.inode;
  }
};

/// What is known of a file beside its path, whatever became of it.
struct FileFacts {
  std::string language = {};  ///< language id
  std::uint64_t bytes = 0;    ///< on disk
  std::string blob_oid = {};  ///< hex; empty where no bytes were read
  StatSignature signature = {};
};

/// What became of a file, and why.
struct Verdict {
  FileState state = FileState::kIndexed;
  std::string reason = {};  ///< ErrorTraits::name of what prevented it, or another reason; or empty
  std::string detail = {};  ///< for a person; may be empty
  std::uint32_t attempts = 0;  ///< by workers; 0 where none had it
};

/// The verdict of a quarantined file, and the limit that it met. It holds while the bytes do.
struct Quarantine {
  Verdict verdict;
  std::uint64_t limit = 0;  ///< 0 where it met none
};

}  // namespace forkdex
