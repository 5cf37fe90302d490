#pragma once

// The chunks that have a question's words, scored by BM25F (Robertson, Zaragoza and Taylor, "Simple
// BM25 extension to multiple weighted fields", 2004): of chunks in segments
// (common/words/word_segment.h) by their postings, of others by their lexemes: what was stored
// since, and what a segment covers that cannot be read. How many chunks have a word is counted over
// both; segments count chunks that have gone since they were made, and keep lengths to an eighth of
// a power of two. Where very many chunks are in no segment, a sample says how long they are.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// The most words of a question that count.
inline constexpr std::size_t kMostQueryWords = 64;

/// The distinct words of a question, in their order, at most kMostQueryWords.
std::vector<std::string> words_of_query(std::string_view text);

struct ScoredChunk {
  std::int64_t chunk_id = 0;
  double score = 0;  ///< above 0
};

/// Scores the chunks of `repositories` that have any of `words`; in no order. A chunk of a segment
/// may be gone. REQUIRES an open transaction with one snapshot. ERRORS as PgConnection::run; a
/// segment that cannot be read is warned of.
Result<std::vector<ScoredChunk>> score_by_words(PgConnection& connection,
                                                std::span<const std::int64_t> repositories,
                                                std::span<const std::string> words);

}  // namespace forkdex
