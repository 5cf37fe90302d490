#pragma once

// The other process of a job segment, gone mad: writes what it likes, where it likes.

#include <cstddef>
#include <span>

#include "common/protocol/segment.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {

/// A second mapping of a segment's memory.
class LyingPeer {
 public:
  explicit LyingPeer(int memory_fd);
  ~LyingPeer();
  LyingPeer(const LyingPeer&) = delete;
  LyingPeer& operator=(const LyingPeer&) = delete;

  /// Writes as the input says: a word into the rings, bytes anywhere, or one byte everywhere.
  void write(Input& input);

 private:
  std::span<std::byte> memory_;
};

/// The worker's end of what `sender` made.
JobReceiver attached(const JobSender& sender);

}  // namespace forkdex::fuzz
