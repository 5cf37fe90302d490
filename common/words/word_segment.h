#pragma once

// A segment of the word index: the chunks of a range of ids, and for each word those that have it,
// as two kinds of bytes that rows hold. `documents` has the ids and lengths of the chunks;
// `postings` has for a bucket of words, ascending, each word's chunks. Numbers are LEB128. Written
// once by a worker and replaced as a whole, as in a log-structured merge.
//
// Reading: the bytes may be of a process gone wrong. What cannot be true is refused.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/words/lexemes.h"

namespace forkdex {

/// The most chunks of one segment.
inline constexpr std::size_t kMaxWordSegmentChunks = std::size_t{1} << 16;

/// A chunk's length in words as one byte keeps it: to the nearest eighth of a power of two.
std::uint8_t length_code(std::size_t words);
double length_of(std::uint8_t code);

/// The bucket that a word is in, of 2^`bits` buckets (FNV-1a, mixed).
std::uint32_t word_bucket(std::string_view word, unsigned bits);
inline constexpr unsigned kMostBucketBits = 16;

/// Collects the chunks of a segment. Memory: the segment's bytes and a node for each distinct word.
class WordSegmentBuilder {
 public:
  /// Begins the next chunk. REQUIRES an id greater than the last one's, and room.
  void begin_chunk(std::int64_t id);
  /// Adds a word of the chunk that was begun. REQUIRES each word once a chunk.
  void add(std::string_view word, const WordCounts& counts);
  bool is_full() const { return chunks_ == kMaxWordSegmentChunks; }
  std::size_t chunks() const { return chunks_; }

  struct Segment {
    std::size_t chunks = 0;
    std::uint64_t words = 0;  ///< the lengths of all chunks together
    unsigned bits = 0;        ///< of the buckets' numbers
    std::string documents;
    std::vector<std::string> buckets;  ///< postings; may be empty
  };
  /// Gives the segment and is empty again.
  Segment finish();

 private:
  struct Postings {
    std::uint32_t count = 0;
    std::uint32_t last = 0;  // chunk, from 1
    std::string bytes;
  };
  void end_chunk();

  std::unordered_map<std::string, Postings> words_;
  std::size_t chunks_ = 0;
  std::uint64_t all_words_ = 0;
  std::size_t length_ = 0;  // of the chunk at hand
  std::int64_t last_id_ = 0;
  std::string documents_;
};

/// One chunk of a segment.
struct WordSegmentChunk {
  std::int64_t id = 0;
  std::uint8_t length = 0;  ///< length_code
};

/// Reads the chunks of a segment; nothing where `documents` are not those of `chunks` chunks.
std::optional<std::vector<WordSegmentChunk>> read_documents(std::string_view documents,
                                                            std::size_t chunks);

/// The postings of one word.
struct WordPostings {
  std::size_t count = 0;  ///< chunks that have the word
  std::string_view bytes;
};

/// Finds `word` in its bucket; without it, nothing is in the result. Nothing where `bucket` is
/// malformed up to there.
std::optional<WordPostings> find_word(std::string_view bucket, std::string_view word);

/// Calls `visit` for each chunk that has the word, by its place in the segment, ascending. False
/// where the bytes are malformed, name a chunk beyond `chunks` or are of another number of chunks;
/// those before the fault were visited.
bool for_each_posting(
    const WordPostings& postings, std::size_t chunks,
    const std::function<void(std::size_t chunk, const WordCounts& counts)>& visit);

}  // namespace forkdex
