#include "supervisor/answer/word_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/words/word_segment.h"
#include "common/words/words.h"
#include "supervisor/answer/cursor.h"
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

/// A chunk of no segment that has some of the words.
struct Match {
  std::int64_t chunk_id = 0;
  double length = 0;
  std::vector<std::pair<std::size_t, WordCounts>> words;  // by place in the question
};

/// What is known of all chunks in question.
struct Statistics {
  double chunks = 0;
  double words = 0;               // of those that are measured, together
  double measured = 0;            // chunks whose lengths are known, or estimated from a sample
  std::vector<double> with_word;  // chunks that have each word of the question

  double mean_length() const { return measured > 0 && words > 0 ? words / measured : 1; }
  /// Inverse document frequency, never below 0.
  double rarity(std::size_t word) const {
    const double with = std::min(with_word[word], chunks);
    return std::log(1 + (chunks - with + 0.5) / (with + 0.5));
  }
};

/// What a chunk's length takes off the words of its text.
double norm_of(double length, const Statistics& statistics) {
  return 1 - kLengthShare + kLengthShare * length / statistics.mean_length();
}

/// What a word of that rarity adds to the score of a chunk with that norm.
double score_of(const WordCounts& counts, double norm, double rarity) {
  const double weight = kNameWeight * counts[0] + kSignatureWeight * counts[1] +
                        (kDocsWeight * counts[2] + kBodyWeight * counts[3]) / norm;
  return rarity * weight * (kSaturation + 1) / (weight + kSaturation);
}

// So many chunks without a segment are read to know how long they are; reading all would take
// longer than finding those that match.
constexpr std::int64_t kMostMeasured = 1024;

/// A segment as its row has it.
struct Segment {
  std::int64_t repository_id = 0;
  std::int64_t first_chunk = 0;
  std::int64_t last_chunk = 0;
  std::uint64_t words = 0;
  unsigned bits = 0;
  std::vector<WordSegmentChunk> chunks;
  struct Found {
    std::size_t word;  // of the question
    WordPostings postings;
  };
  std::deque<std::string> buckets;  // that were read; they stay where they are
  std::vector<Found> found;         // in them
};

std::optional<Segment> segment_of(const PgRows& rows, int row) {
  Segment segment;
  segment.repository_id = rows.integer(row, 1);
  segment.first_chunk = rows.integer(row, 2);
  segment.last_chunk = rows.integer(row, 3);
  const std::int64_t chunks = rows.integer(row, 4);
  const std::int64_t words = rows.integer(row, 5);
  const std::int64_t bits = rows.integer(row, 6);
  if (segment.first_chunk < 1 || chunks <= 0 || words < 0 || bits < 0 || bits > kMostBucketBits)
    return std::nullopt;
  auto documents =
      read_documents(bytes_from_bytea(rows.text(row, 7)), static_cast<std::size_t>(chunks));
  if (!documents || documents->front().id < segment.first_chunk ||
      documents->back().id > segment.last_chunk)
    return std::nullopt;
  segment.words = static_cast<std::uint64_t>(words);
  segment.bits = static_cast<unsigned>(bits);
  segment.chunks = *std::move(documents);
  return segment;
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
    measure_segments();
    // In the order of the question, so that the same words add up to the same score in any segment.
    for (auto& [id, segment] : segments_)
      std::sort(segment.found.begin(), segment.found.end(),
                [](const auto& a, const auto& b) { return a.word < b.word; });
    for (const std::int64_t repository : repositories_)
      if (auto read = read_others(repository); !read) return read.error();
    std::vector<ScoredChunk> scored;
    for (const auto& [id, segment] : segments_) score(segment, scored);
    for (const Match& match : others_) scored.push_back({match.chunk_id, score_of_other(match)});
    return scored;
  }

 private:
  void warn_of(std::int64_t segment) const {
    log_warning("words.unreadable",
                {{"segment", segment}, {"reason", "a word segment is damaged; index with --full"}});
  }

  Result<void> read_segments() {
    const auto rows = connection_.run(
        "SELECT id, repository_id, first_chunk, last_chunk, chunks, words, bits, documents FROM "
        "forkdex.word_segments WHERE repository_id = ANY ($1::int[])",
        {array_text(repositories_)});
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size(); ++row) {
      auto segment = segment_of(*rows, row);
      if (!segment) {
        warn_of(rows->integer(row, 0));
        continue;
      }
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
        {array_text(ids), array_text(buckets)});
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size(); ++row) {
      const std::int64_t id = rows->integer(row, 0);
      const auto segment = segments_.find(id);
      if (segment == segments_.end()) continue;  // another bucket of it was damaged
      if (find_words(segment->second, rows->integer(row, 1), bytes_from_bytea(rows->text(row, 2))))
        continue;
      warn_of(id);
      segments_.erase(segment);
    }
    return {};
  }

  /// Finds the words of the question that a bucket is for. False where it cannot be read.
  bool find_words(Segment& segment, std::int64_t bucket, std::string postings) const {
    const std::string& kept = segment.buckets.emplace_back(std::move(postings));
    for (std::size_t word = 0; word < words_.size(); ++word) {
      if (word_bucket(words_[word], segment.bits) != bucket) continue;
      const auto found = find_word(kept, words_[word]);
      if (!found) return false;
      const bool is_whole =
          for_each_posting(*found, segment.chunks.size(), [](std::size_t, const WordCounts&) {});
      if (!is_whole) return false;
      segment.found.push_back({word, *found});
    }
    return true;
  }

  /// Appends the chunks of a segment that have any of the words.
  void score(const Segment& segment, std::vector<ScoredChunk>& scored) const {
    if (segment.found.empty()) return;
    std::array<double, 256> norms{};
    for (std::size_t code = 0; code < norms.size(); ++code)
      norms[code] = norm_of(length_of(static_cast<std::uint8_t>(code)), statistics_);
    std::vector<double> scores(segment.chunks.size());
    for (const auto& [word, postings] : segment.found) {
      const double rarity = statistics_.rarity(word);
      for_each_posting(postings, scores.size(), [&](std::size_t chunk, const WordCounts& counts) {
        scores[chunk] += score_of(counts, norms[segment.chunks[chunk].length], rarity);
      });
    }
    for (std::size_t chunk = 0; chunk < scores.size(); ++chunk)
      if (scores[chunk] > 0) scored.push_back({segment.chunks[chunk].id, scores[chunk]});
  }

  double score_of_other(const Match& match) const {
    const double norm = norm_of(match.length, statistics_);
    double score = 0;
    for (const auto& [word, counts] : match.words)
      score += score_of(counts, norm, statistics_.rarity(word));
    return score;
  }

  void measure_segments() {
    for (const auto& [id, segment] : segments_) {
      statistics_.chunks += static_cast<double>(segment.chunks.size());
      statistics_.measured += static_cast<double>(segment.chunks.size());
      statistics_.words += static_cast<double>(segment.words);
      for (const auto& [word, postings] : segment.found)
        statistics_.with_word[word] += static_cast<double>(postings.count);
    }
  }

  /// The repository's chunks that no segment covers, as a condition.
  std::string without_segment(std::int64_t repository) const {
    std::map<std::int64_t, std::int64_t> covered;  // first and last ids
    for (const auto& [id, segment] : segments_)
      if (segment.repository_id == repository)
        covered.emplace(segment.first_chunk, segment.last_chunk);
    std::string ranges;
    std::int64_t last = 0;
    for (const auto& [first_of_next, last_of_next] : covered) {
      if (first_of_next - 1 > last)
        ranges += fmt::format("id BETWEEN {} AND {} OR ", last + 1, first_of_next - 1);
      last = std::max(last, last_of_next);
    }
    return fmt::format("repository_id = {} AND ({}id > {})", repository, ranges, last);
  }

  /// Chunks of no segment: those that were stored since, and those of segments that cannot be read.
  Result<void> read_others(std::int64_t repository) {
    const std::string others = without_segment(repository);
    const auto facts = connection_.run(
        fmt::format("SELECT count(*), coalesce((SELECT max(id) FROM (SELECT id FROM "
                    "forkdex.chunks WHERE {0} ORDER BY id LIMIT {1}) sample), 0) FROM "
                    "forkdex.chunks WHERE {0}",
                    others, kMostMeasured - measured_here_));
    if (!facts) return facts.error();
    const double count = facts->real(0, 0);
    const std::int64_t last_of_sample = facts->integer(0, 1);
    if (count == 0) return {};
    statistics_.chunks += count;
    std::string any;
    for (const std::string& word : words_)
      any += fmt::format("{}'{}'", any.empty() ? "" : "|", word);
    const std::string select = fmt::format(
        "SELECT id, lexemes FROM forkdex.chunks WHERE {} AND (id <= {} OR lexemes @@ "
        "$1::tsquery)",
        others, last_of_sample);
    const PgParam question[] = {any};
    double samples = 0;
    double words = 0;
    const auto read =
        for_each_row_inside(connection_, select, question, [&](const PgRows& rows, int row) {
          const double length = take_lexemes(rows, row);
          if (rows.integer(row, 0) <= last_of_sample) {
            ++samples;
            words += length;
          }
          return true;
        });
    if (!read) return read;
    measured_here_ += static_cast<std::int64_t>(samples);
    if (samples == 0) return {};
    statistics_.measured += count;
    statistics_.words += words / samples * count;
    return {};
  }

  /// Takes a chunk that has any of the words; its length.
  double take_lexemes(const PgRows& rows, int row) {
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
    const double length = match.length;
    if (match.words.empty()) return length;
    match.length = length_of(length_code(static_cast<std::size_t>(length)));  // as in a segment
    std::sort(match.words.begin(), match.words.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    others_.push_back(std::move(match));
    return length;
  }

  PgConnection& connection_;
  std::span<const std::int64_t> repositories_;
  std::span<const std::string> words_;
  Statistics statistics_;
  std::map<std::int64_t, Segment> segments_;  // that can be read
  std::int64_t measured_here_ = 0;            // chunks without a segment
  std::vector<Match> others_;
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
