#pragma once

// Segments of the word index (common/words/word_segment.h), made of the chunks' lexemes. A
// transaction puts a segment in the place of those it replaces: a reader sees the old ones or the
// new one.
//
// One thread at a time; the connection is its owner's.

#include <cstdint>
#include <functional>
#include <string>

#include "common/error/result.h"
#include "common/jobs/merge_words.h"
#include "common/pg/connection.h"

namespace forkdex {

class WordStore {
 public:
  /// REQUIRES that `connection` outlives this.
  WordStore(PgConnection& connection, std::int64_t repository_id)
      : connection_(connection), repository_id_(repository_id) {}

  /// Makes the segment that `job` names and commits; the number of its chunks. `moved` is called
  /// now and then. What may pass is tried again inside. ERRORS kRowRefused (another merge has been
  /// there before, the lexemes of a chunk are not ours, or there are more chunks than a segment
  /// takes), kDatabaseBusy, kDiskFull, kDatabaseLost, kDatabaseUnusable.
  Result<std::uint64_t> merge(const MergeWords& job, const std::function<void()>& moved);

 private:
  Result<void> clear(const MergeWords& job);
  Result<std::uint64_t> merge_once(const MergeWords& job, const std::function<void()>& moved);

  PgConnection& connection_;
  std::int64_t repository_id_;
};

}  // namespace forkdex
