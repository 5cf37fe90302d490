#include "supervisor/answer/word_index.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/words/segment.h"
#include "common/words/words.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// How much a length and a field count was measured over questions with known answers
// (docs/benchmarks.md); the optimum is flat.
constexpr double kSaturation = 1.2;
constexpr double kLengthShare = 0.5;
constexpr double kNameWeight = 5;
constexpr double kSignatureWeight = 1;
constexpr double kDocsWeight = 1;
constexpr double kBodyWeight = 1;

/// A chunk that has some of the words.
struct Match {
  std::int64_t chunk_id = 0;
  double length = 0;
  std::vector<std::pair<std::size_t, WordCounts>> words;  // by place in the question
};

/// What is known of all chunks in question.
struct Statistics {
  double chunks = 0;
  double words = 0;               // of all of them together
  double measured = 0;            // chunks that `words` counts
  std::vector<double> with_word;  // chunks that have each word of the question

  double mean_length() const { return measured > 0 && words > 0 ? words / measured : 1; }
  /// Inverse document frequency, never below 0.
  double rarity(std::size_t word) const {
    const double with = std::min(with_word[word], chunks);
    return std::log(1 + (chunks - with + 0.5) / (with + 0.5));
  }
};

double score_of(const Match& match, const Statistics& statistics) {
  const double norm = 1 - kLengthShare + kLengthShare * match.length / statistics.mean_length();
  double score = 0;
  for (const auto& [word, counts] : match.words) {
    const double weight = kNameWeight * counts[0] + kSignatureWeight * counts[1] +
                          (kDocsWeight * counts[2] + kBodyWeight * counts[3]) / norm;
    score += statistics.rarity(word) * weight * (kSaturation + 1) / (weight + kSaturation);
  }
  return score;
}

std::string array_of(std::span<const std::int64_t> numbers) {
  return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

/// A segment as its row has it.
struct Segment {
  std::int64_t repository_id = 0;
  std::int64_t last_chunk = 0;
  std::uint64_t words = 0;
  unsigned bits = 0;
  std::vector<SegmentChunk> chunks;
};

std::optional<Segment> segment_of(const PgRows& rows, int row) {
  const std::int64_t chunks = rows.integer(row, 3);
  const std::int64_t bits = rows.integer(row, 5);
  if (chunks < 0 || bits < 0 || bits > kMostBucketBits) return std::nullopt;
  auto documents =
      read_documents(bytes_from_bytea(rows.text(row, 6)), static_cast<std::size_t>(chunks));
  if (!documents) return std::nullopt;
  return Segment{rows.integer(row, 1), rows.integer(row, 2),
                 static_cast<std::uint64_t>(rows.integer(row, 4)), static_cast<unsigned>(bits),
                 *std::move(documents)};
}

class Reader {
 public:
  Reader(PgConnection& connection, std::span<const std::int64_t> repositories,
         std::span<const std::string> words)
      : connection_(connection), repositories_(repositories), words_(words) {
    statistics_.with_word.resize(words.size());
  }

  Result<std::vector<ScoredChunk>> run() {
    if (auto read = read_segments(); !read) return read.error();
    if (auto read = read_postings(); !read) return read.error();
    for (const std::int64_t repository : repositories_)
      if (auto read = read_newer(repository); !read) return read.error();
    std::vector<ScoredChunk> scored;
    scored.reserve(matches_.size());
    for (const Match& match : matches_)
      scored.push_back({match.chunk_id, score_of(match, statistics_)});
    return scored;
  }

 private:
  void warn_of(std::int64_t segment) const {
    log_warning("words.unreadable",
                {{"segment", segment},
                 {"reason", "a segment of the word index is damaged; index with --full"}});
  }

  Result<void> read_segments() {
    const auto rows = connection_.run(
        "SELECT id, repository_id, last_chunk, chunks, words, bits, documents FROM "
        "forkdex.word_segments WHERE repository_id = ANY ($1::int[])",
        {array_of(repositories_)});
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size(); ++row) {
      auto segment = segment_of(*rows, row);
      if (!segment) {
        warn_of(rows->integer(row, 0));
        continue;
      }
      statistics_.chunks += static_cast<double>(segment->chunks.size());
      statistics_.measured += static_cast<double>(segment->chunks.size());
      statistics_.words += static_cast<double>(segment->words);
      segments_.emplace(rows->integer(row, 0), *std::move(segment));
    }
    return {};
  }

  /// Reads the bucket of every word in every segment, each once.
  Result<void> read_postings() {
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> buckets;
    for (const auto& [id, segment] : segments_)
      for (const std::string& word : words_) {
        ids.push_back(id);
        buckets.push_back(word_bucket(word, segment.bits));
      }
    if (ids.empty()) return {};
    const auto rows = connection_.run(
        "SELECT p.segment_id, p.bucket, p.postings FROM (SELECT DISTINCT * FROM "
        "unnest($1::bigint[], $2::int[])) AS wanted (segment_id, bucket) JOIN "
        "forkdex.word_postings p USING (segment_id, bucket) ORDER BY p.segment_id",
        {array_of(ids), array_of(buckets)});
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size();) {
      const std::int64_t id = rows->integer(row, 0);
      const Segment& segment = segments_.at(id);
      std::vector<std::optional<Match>> found(segment.chunks.size());
      bool is_whole = true;
      for (; row < rows->size() && rows->integer(row, 0) == id; ++row)
        is_whole = take_bucket(segment, rows->integer(row, 1), bytes_from_bytea(rows->text(row, 2)),
                               found) &&
                   is_whole;
      if (!is_whole) warn_of(id);
      for (std::optional<Match>& match : found)
        if (match) matches_.push_back(*std::move(match));
    }
    return {};
  }

  bool take_bucket(const Segment& segment, std::int64_t bucket, const std::string& postings,
                   std::vector<std::optional<Match>>& found) {
    for (std::size_t word = 0; word < words_.size(); ++word) {
      if (word_bucket(words_[word], segment.bits) != bucket) continue;
      const auto of_word = find_word(postings, words_[word]);
      if (!of_word) return false;
      const bool is_whole = for_each_posting(
          *of_word, segment.chunks.size(), [&](std::size_t chunk, const WordCounts& counts) {
            std::optional<Match>& match = found[chunk];
            if (!match) {
              const SegmentChunk& there = segment.chunks[chunk];
              match = Match{there.id, length_of(there.length), {}};
            }
            match->words.emplace_back(word, counts);
            ++statistics_.with_word[word];
          });
      if (!is_whole) return false;
    }
    return true;
  }

  /// Chunks that stand behind the last segment.
  Result<void> read_newer(std::int64_t repository) {
    std::int64_t last = 0;
    for (const auto& [id, segment] : segments_)
      if (segment.repository_id == repository) last = std::max(last, segment.last_chunk);
    const std::string behind =
        fmt::format("FROM forkdex.chunks WHERE repository_id = {} AND id > {}", repository, last);
    const auto count = connection_.run("SELECT count(*) " + behind);
    if (!count) return count.error();
    if (count->integer(0, 0) == 0) return {};
    statistics_.chunks += count->real(0, 0);
    std::string any;
    for (const std::string& word : words_)
      any += fmt::format("{}'{}'", any.empty() ? "" : "|", word);
    const auto rows =
        connection_.run("SELECT id, lexemes " + behind + " AND lexemes @@ $1::tsquery", {any});
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size(); ++row) take_lexemes(*rows, row);
    return {};
  }

  void take_lexemes(const PgRows& rows, int row) {
    Match match;
    match.chunk_id = rows.integer(row, 0);
    for_each_lexeme(rows.text(row, 1), [&](std::string_view word, const WordCounts& counts) {
      for (const std::uint8_t count : counts) match.length += count;
      const auto asked = std::find(words_.begin(), words_.end(), word);
      if (asked == words_.end()) return;
      const auto place = static_cast<std::size_t>(asked - words_.begin());
      match.words.emplace_back(place, counts);
      ++statistics_.with_word[place];
    });
    statistics_.words += match.length;
    ++statistics_.measured;
    matches_.push_back(std::move(match));
  }

  PgConnection& connection_;
  std::span<const std::int64_t> repositories_;
  std::span<const std::string> words_;
  Statistics statistics_;
  std::map<std::int64_t, Segment> segments_;
  std::vector<Match> matches_;
};

}  // namespace

std::vector<std::string> words_of_query(std::string_view text) {
  std::vector<std::string> words;
  for_each_word(text, [&](std::string_view word) {
    if (words.size() < kMostQueryWords &&
        std::find(words.begin(), words.end(), word) == words.end())
      words.emplace_back(word);
  });
  return words;
}

Result<std::vector<ScoredChunk>> score_by_words(PgConnection& connection,
                                                std::span<const std::int64_t> repositories,
                                                std::span<const std::string> words) {
  if (words.empty() || repositories.empty()) return std::vector<ScoredChunk>();
  return Reader(connection, repositories, words).run();
}

}  // namespace forkdex
