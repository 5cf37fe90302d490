#include "worker/store/word_store.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/error/fault.h"
#include "common/pg/retry.h"
#include "common/words/word_segment.h"
#include "worker/store/copy_encoder.h"

namespace forkdex {
namespace {

constexpr std::size_t kChunksBetweenMoves = 1024;
constexpr std::string_view kNoLexemes = "\\N";  // null, as COPY writes it

Error unreadable(std::string_view line) {
  return {ErrorCode::kRowRefused,
          fmt::format("the words of chunk {} cannot be read", line.substr(0, line.find('\t'))), ""};
}

/// Adds a line of "id, tab, lexemes". False where it is not one.
bool add_line(std::string_view line, WordSegmentBuilder& segment) {
  const std::size_t tab = line.find('\t');
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), id);
  if (tab == std::string_view::npos || error != std::errc() || end != line.data() + tab)
    return false;
  segment.begin_chunk(id);
  line.remove_prefix(tab + 1);
  if (line == kNoLexemes) return true;
  return for_each_lexeme(
      line, [&](std::string_view word, const WordCounts& counts) { segment.add(word, counts); });
}

Result<WordSegmentBuilder> read_chunks(PgConnection& connection, const std::string& select,
                                       const std::function<void()>& moved) {
  WordSegmentBuilder segment;
  std::optional<Error> error;
  const auto copied =
      connection.copy_out(fmt::format("COPY ({}) TO STDOUT", select), [&](std::string_view line) {
        if (error) return;
        if (segment.is_full())
          error = Error{ErrorCode::kRowRefused, "a word segment has too many chunks", ""};
        else if (!add_line(line, segment))
          error = unreadable(line);
        else if (segment.chunks() % kChunksBetweenMoves == 0)
          moved();
      });
  if (!copied) return copied.error();
  if (error) return *error;
  return segment;
}

std::string encode(std::int64_t segment_id, const WordSegmentBuilder::Segment& segment) {
  CopyEncoder rows;
  for (std::size_t bucket = 0; bucket < segment.buckets.size(); ++bucket) {
    const std::string& postings = segment.buckets[bucket];
    if (postings.empty()) continue;
    rows.row(3)
        .int8(segment_id)
        .int4(static_cast<std::int32_t>(bucket))
        .bytea({reinterpret_cast<const std::uint8_t*>(postings.data()), postings.size()});
  }
  return std::string(rows.finish());
}

}  // namespace

Result<std::uint64_t> WordStore::merge(const MergeWords& job, const std::function<void()>& moved) {
  for (int tries = 1;; ++tries) {
    auto merged = merge_once(job, moved);
    if (merged || !try_again(connection_, tries)) return merged;
  }
}

/// Deletes the segments that are replaced. Another merge may have come before: then one of them is
/// gone, or a segment covers chunks of this one.
Result<void> WordStore::clear(const MergeWords& job) {
  const auto deleted = connection_.run(
      fmt::format("DELETE FROM forkdex.word_segments WHERE repository_id = {} AND id = ANY ('{}')",
                  repository_id_, array_text(job.replaced)));
  if (!deleted) return deleted.error();
  const auto others = connection_.run(
      fmt::format("SELECT count(*) FROM forkdex.word_segments WHERE repository_id = {} AND "
                  "first_chunk <= {} AND last_chunk >= {}",
                  repository_id_, job.last_chunk, job.first_chunk));
  if (!others) return others.error();
  if (deleted->affected() == static_cast<std::int64_t>(job.replaced.size()) &&
      others->integer(0, 0) == 0)
    return {};
  return Error{ErrorCode::kRowRefused,
               fmt::format("the words of chunks {} to {} were merged by another job",
                           job.first_chunk, job.last_chunk),
               ""};
}

Result<std::uint64_t> WordStore::merge_once(const MergeWords& job,
                                            const std::function<void()>& moved) {
  if (auto passed = fault::point("words.read"); !passed) return passed.error();
  const auto begun = connection_.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  if (!begun) return begun.error();
  auto read = read_chunks(connection_,
                          fmt::format("SELECT id, lexemes FROM forkdex.chunks WHERE repository_id "
                                      "= {} AND id BETWEEN {} AND {} ORDER BY id",
                                      repository_id_, job.first_chunk, job.last_chunk),
                          moved);
  if (!read) return read.error();
  const WordSegmentBuilder::Segment segment = read->finish();
  moved();
  if (auto cleared = clear(job); !cleared) return cleared.error();
  moved();
  if (auto passed = fault::point("words.store"); !passed) return passed.error();
  if (segment.chunks == 0) {
    const auto ended = connection_.run("COMMIT");
    return ended ? Result<std::uint64_t>(std::uint64_t{0}) : ended.error();
  }
  const auto inserted = connection_.run(
      "INSERT INTO forkdex.word_segments (repository_id, first_chunk, last_chunk, chunks, words, "
      "bits, documents) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
      {std::to_string(repository_id_), std::to_string(job.first_chunk),
       std::to_string(job.last_chunk), std::to_string(segment.chunks),
       std::to_string(segment.words), std::to_string(segment.bits), bytea_text(segment.documents)});
  if (!inserted) return inserted.error();
  moved();
  const auto copied = connection_.copy_in(
      "COPY forkdex.word_postings (segment_id, bucket, postings) FROM STDIN (FORMAT binary); "
      "COMMIT",
      encode(inserted->integer(0, 0), segment));
  if (!copied) return copied.error();
  return segment.chunks;
}

}  // namespace forkdex
