#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/answer/hit.h"
#include "supervisor/answer/word_index.h"

namespace forkdex {

/// The chunks that have words of a question.
struct WordMatches {
  std::vector<Hit> hits;  ///< as find_by_words gives them
  std::vector<ScoredChunk>
      chunks;  ///< every one, whether filters leave it out or not; ascending by id

  /// The score of a chunk; 0 where it has no word of the question.
  double score(std::int64_t chunk_id) const;
};
/// As find_by_words.
Result<WordMatches> match_words(PgConnection& connection, const std::string& text,
                                const SearchFilters& filters);

/// The best `limit` chunks that have words of `text`, best first; a score is that of BM25F
/// (supervisor/answer/word_index.h) and compares with those of the same question alone. REQUIRES no
/// open transaction. ERRORS kUsage when the repository named does not exist, else as
/// PgConnection::run.
Result<std::vector<Hit>> find_by_words(PgConnection& connection, const std::string& text,
                                       const SearchFilters& filters);

}  // namespace forkdex
