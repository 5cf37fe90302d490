#pragma once

// `search --kind commit`: the commits whose messages are nearest to a vector, and how they are
// printed.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/answer/search.h"

namespace forkdex {

inline constexpr char kCommitKind[] = "commit";

struct CommitHit {
  std::string repository;
  std::string oid;
  std::string author;  ///< "Name <address>"
  std::string date;    ///< of authoring, in UTC: 2026-01-31
  std::string subject;
  double score = 0;  ///< cosine similarity, 1 at best
};

/// The `limit` nearest commits under the model `model_id`, best first, by an exact scan of their
/// messages. A path glob leaves those that change a file it matches; a language leaves none.
/// REQUIRES query.size() == the model's dimension. ERRORS kUsage when the repository named does not
/// exist, else as PgConnection::run.
Result<std::vector<CommitHit>> nearest_commits(PgConnection& connection, std::int64_t model_id,
                                               std::span<const float> query,
                                               const SearchFilters& filters);

/// A line a hit, "oid  date  author  subject  score", behind "repository: " when there are several.
std::string commit_hits_text(const std::vector<CommitHit>& hits);

/// As hits_json: `path` is the oid, `name` the subject, lines are 0.
std::string commit_hits_json(const std::vector<CommitHit>& hits);

}  // namespace forkdex
