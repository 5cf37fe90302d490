#include "supervisor/database/word_segments.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"
#include "common/words/word_segment.h"

namespace forkdex {
namespace {

// So few chunks are searched by their lexemes as fast as by a segment.
constexpr std::uint64_t kLeastChunks = 512;
// Beyond this no row of ours says where a segment ends.
constexpr std::int64_t kLastId = std::int64_t{1} << 62;
// A range grows together with the one before it while that is at most so many times as large.
constexpr std::uint64_t kMostTimesLarger = 2;

/// Appends `later`, which follows `range`, to it.
void append(ChunkRange& range, ChunkRange&& later) {
  range.last = later.last;
  range.chunks += later.chunks;
  range.indexed += later.indexed;
  range.segments.insert(range.segments.end(), later.segments.begin(), later.segments.end());
}

bool is_mostly_gone(const ChunkRange& range) { return 2 * range.chunks < range.indexed; }

Result<std::int64_t> last_settled_chunk(PgConnection& connection, std::int64_t repository_id) {
  if (const auto begun = connection.run("BEGIN ISOLATION LEVEL READ COMMITTED"); !begun)
    return begun.error();
  auto last = connection.run(
      fmt::format("SELECT pg_advisory_xact_lock({}, {})", kWordsLock, repository_id));
  // A statement of its own: it sees what was committed while the lock was waited for.
  if (last)
    last = connection.run(fmt::format(
        "SELECT coalesce(max(id), 0) FROM forkdex.chunks WHERE repository_id = {}", repository_id));
  const auto ended = connection.run("ROLLBACK");
  if (!last) return last.error();
  if (!ended) return ended.error();
  return last->integer(0, 0);
}

Result<std::vector<ChunkRange>> segments(PgConnection& connection, std::int64_t repository_id,
                                         bool only_new) {
  const char* chunks = only_new
                           ? "s.chunks"
                           : "(SELECT count(*) FROM forkdex.chunks c WHERE c.repository_id = "
                             "s.repository_id AND c.id BETWEEN s.first_chunk AND s.last_chunk)";
  const auto rows = connection.run(
      fmt::format("SELECT s.id, s.first_chunk, s.last_chunk, s.chunks, {} FROM "
                  "forkdex.word_segments s WHERE s.repository_id = {} ORDER BY s.first_chunk",
                  chunks, repository_id));
  if (!rows) return rows.error();
  std::vector<ChunkRange> ranges;
  for (int row = 0; row < rows->size(); ++row)
    ranges.push_back({.first = rows->integer(row, 1),
                      .last = rows->integer(row, 2),
                      .chunks = static_cast<std::uint64_t>(rows->integer(row, 4)),
                      .indexed = static_cast<std::uint64_t>(rows->integer(row, 3)),
                      .segments = {rows->integer(row, 0)}});
  return ranges;
}

/// Appends the chunks from `first` on and up to `last`, which no segment covers, as ranges of no
/// more than a segment takes; none without chunks.
Result<void> append_new(PgConnection& connection, std::int64_t repository_id, std::int64_t first,
                        std::int64_t last, std::vector<ChunkRange>& ranges) {
  while (first <= last) {
    const auto rows = connection.run(fmt::format(
        "SELECT count(*), coalesce(max(id), 0) FROM (SELECT id FROM forkdex.chunks WHERE "
        "repository_id = {} AND id BETWEEN {} AND {} ORDER BY id LIMIT {}) c",
        repository_id, first, last, kMaxWordSegmentChunks));
    if (!rows) return rows.error();
    ChunkRange range;
    range.chunks = static_cast<std::uint64_t>(rows->integer(0, 0));
    if (range.chunks == 0) break;
    range.first = first;
    range.last = range.chunks < kMaxWordSegmentChunks ? last : rows->integer(0, 1);
    first = range.last + 1;
    ranges.push_back(std::move(range));
  }
  return {};
}

}  // namespace

std::vector<WordMerge> merges_of(const std::vector<ChunkRange>& ranges) {
  std::vector<WordMerge> merges;
  std::optional<ChunkRange> growing;  // to become a segment
  const auto take = [&] {
    if (!growing) return;
    MergeWords job{growing->first, growing->last, std::move(growing->segments)};
    merges.push_back({std::move(job), growing->chunks});
    growing.reset();
  };
  for (auto at = ranges.rbegin(); at != ranges.rend(); ++at) {
    ChunkRange range = *at;
    const bool is_new = range.segments.empty() && range.chunks >= kLeastChunks;
    if (growing && range.chunks <= kMostTimesLarger * growing->chunks &&
        range.chunks + growing->chunks <= kMaxWordSegmentChunks &&
        range.segments.size() + growing->segments.size() <= kMostReplaced) {
      append(range, *std::move(growing));
      growing = std::move(range);
      continue;
    }
    take();
    if (is_new || is_mostly_gone(range)) growing = std::move(range);
  }
  take();
  return merges;
}

Result<std::vector<ChunkRange>> word_ranges(PgConnection& connection, std::int64_t repository_id,
                                            bool only_new) {
  const auto last = last_settled_chunk(connection, repository_id);
  if (!last) return last.error();
  auto covered = segments(connection, repository_id, only_new);
  if (!covered) return covered;
  std::vector<ChunkRange> ranges;
  std::int64_t next = 1;
  for (ChunkRange& segment : *covered) {
    if (segment.first < 1 || segment.last < segment.first || segment.last > kLastId) continue;
    // A run that ended early may have made a later segment and not this one.
    const auto added = append_new(connection, repository_id, next, segment.first - 1, ranges);
    if (!added) return added.error();
    next = std::max(next, segment.last + 1);
    ranges.push_back(std::move(segment));
  }
  const auto added = append_new(connection, repository_id, next, *last, ranges);
  if (!added) return added.error();
  return ranges;
}

Result<bool> lock_word_merge(PgConnection& connection, std::int64_t repository_id) {
  const auto rows = connection.run(
      fmt::format("SELECT pg_try_advisory_lock({}, {})", kWordsMerge, repository_id));
  if (!rows) return rows.error();
  return rows->text(0, 0) == "t";
}

Result<void> unlock_word_merge(PgConnection& connection, std::int64_t repository_id) {
  const auto rows =
      connection.run(fmt::format("SELECT pg_advisory_unlock({}, {})", kWordsMerge, repository_id));
  return rows ? Result<void>() : rows.error();
}

}  // namespace forkdex
