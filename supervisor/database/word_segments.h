#pragma once

// Which segments of the word index a repository should get: small ones grow together, so that there
// are few of them, and what is mostly gone is made anew. As a log-structured merge does it: a
// segment is merged with those before it while they are at most twice as large.

#include <cstdint>
#include <vector>

#include "common/error/result.h"
#include "common/jobs/merge_words.h"
#include "common/pg/connection.h"

namespace forkdex {

/// A range of a repository's chunks.
struct ChunkRange {
  std::int64_t first = 0;  ///< ids, inclusive
  std::int64_t last = 0;
  std::uint64_t chunks = 0;   ///< that are there
  std::uint64_t indexed = 0;  ///< that were there when its segment was made; 0: has none
  std::vector<std::int64_t> segments = {};  ///< that cover it
};

/// A segment to make.
struct WordMerge {
  MergeWords job;
  std::uint64_t chunks = 0;  ///< that it will have
};

/// What to make of `ranges`, which stand in order of ids, some without a segment. Pure.
std::vector<WordMerge> merges_of(const std::vector<ChunkRange>& ranges);

/// The repository's ranges as they are now: its segments, and the chunks before, between and after
/// them, at most kMaxWordSegmentChunks a range. Waits for transactions that store chunks. With
/// `only_new`, those without a segment are counted and the others taken for unchanged. ERRORS as
/// PgConnection::run.
Result<std::vector<ChunkRange>> word_ranges(PgConnection& connection, std::int64_t repository_id,
                                            bool only_new);

/// Takes the session's right to merge the repository's words; false where another has it. ERRORS as
/// PgConnection::run.
Result<bool> lock_word_merge(PgConnection& connection, std::int64_t repository_id);
/// Gives the right back. ERRORS as PgConnection::run.
Result<void> unlock_word_merge(PgConnection& connection, std::int64_t repository_id);

}  // namespace forkdex
