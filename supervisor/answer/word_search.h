#pragma once

#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/answer/hit.h"

namespace forkdex {

/// The best `limit` chunks that have words of `text`, best first; a score is that of BM25F
/// (supervisor/answer/word_index.h) and compares with those of the same question alone. REQUIRES no
/// open transaction. ERRORS kUsage when the repository named does not exist, else as
/// PgConnection::run.
Result<std::vector<Hit>> find_by_words(PgConnection& connection, const std::string& text,
                                       const SearchFilters& filters);

}  // namespace forkdex
