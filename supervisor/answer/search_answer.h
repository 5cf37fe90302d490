#pragma once

// From a question to its hits: a worker embeds it by the model of each view, and the database has
// the chunks nearest to it and those that have its words, or the nearest commits. How an answer is
// shown is its caller's business.

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/error/result.h"
#include "common/model/view_models.h"
#include "common/pg/connection.h"
#include "common/protocol/worker_setup.h"
#include "supervisor/answer/commit_search.h"
#include "supervisor/answer/hit.h"
#include "supervisor/answer/search.h"
#include "supervisor/database/texts.h"

namespace forkdex {

struct SearchRequest {
  std::string text;       ///< what to search for
  bool words = false;     ///< by words alone: no model, no worker
  SearchFilters filters;  ///< kCommitKind as the kind asks for commits
  ViewModels models;      ///< of the vectors to compare with
  std::filesystem::path worker_executable;
  WorkerTuning tuning;  ///< how that worker computes
};

struct SearchAnswer {
  std::variant<std::vector<Hit>, std::vector<CommitHit>> hits;
  /// Whether a repository in question has vectors of these models, for these views: all of a
  /// view's, or perhaps some while it is indexed again by another model. Without, hits are by words
  /// alone, and of commits there are none.
  bool comparable = true;
  /// The texts of the repositories in question, where some have no vector yet, or may have none
  /// (`total` is 0 then): chunks of these are found by their words alone.
  std::optional<TextCounts> behind = std::nullopt;
  /// Vectors of these models are many and have no index: the search has compared each.
  bool unindexed = false;
};

/// Answers `request`. BLOCKS as embed_query, once a model that has embedded something. ERRORS
/// kUsage when the repository named does not exist; as embed_query, as PgConnection::run.
Result<SearchAnswer> answer(PgConnection& connection, const SearchRequest& request);

/// The hits as hits_text or commit_hits_text has them.
std::string answer_text(const SearchAnswer& answer);

/// The hits as hits_json or commit_hits_json has them.
std::string answer_json(const SearchAnswer& answer);

}  // namespace forkdex
