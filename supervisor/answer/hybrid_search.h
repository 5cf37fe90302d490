#pragma once

#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/answer/hit.h"
#include "supervisor/answer/search.h"

namespace forkdex {

struct BothAnswer {
  std::vector<Hit> hits;
  bool compared = true;  ///< false: no chunk that was looked at has a vector, hits are by words
};

/// The best `limit` chunks by meaning and words together, best first. A score is (similarity + 0.2
/// words) / 1.2 and so 1 at best, where words is BM25F's score against that of the question's best
/// chunk, and a chunk without a vector is as similar as the last of those that are near. REQUIRES
/// no open transaction. ERRORS kUsage when the repository named does not exist, else as
/// PgConnection::run.
Result<BothAnswer> find_by_both(PgConnection& connection, const Query& query,
                                const std::string& text, const SearchFilters& filters);

}  // namespace forkdex
