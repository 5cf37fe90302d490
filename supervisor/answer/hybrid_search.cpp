#include "supervisor/answer/hybrid_search.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "supervisor/answer/word_search.h"

namespace forkdex {
namespace {

// What gained on questions with known answers, those that it was not chosen on among them
// (docs/benchmarks.md).
constexpr double kWordsWeight = 0.2;
// Near enough by one of the two for the other one to matter.
constexpr std::size_t kLeastNear = 50;
constexpr std::size_t kLeastWithWords = 100;

}  // namespace

Result<BothAnswer> find_by_both(PgConnection& connection, const Query& query,
                                const std::string& text, const SearchFilters& filters) {
  SearchFilters wider = filters;
  wider.limit = std::max(filters.limit, kLeastNear);  // nearest() looks further by itself
  auto near = nearest(connection, query, wider);
  if (!near) return near.error();
  wider.limit = std::max(4 * filters.limit, kLeastWithWords);
  auto words = match_words(connection, text, wider);
  if (!words) return words.error();
  if (near->empty()) {
    const bool compared = words->hits.empty();
    if (words->hits.size() > filters.limit) words->hits.resize(filters.limit);
    return BothAnswer{std::move(words->hits), compared};
  }
  // What has no vector yet is taken to be as near as the last of these: its words decide.
  const double least_near = near->back().score;
  const double best = words->hits.empty() ? 1 : words->hits.front().score;

  std::map<std::int64_t, Hit> candidates;
  std::vector<std::int64_t> unseen;  // found by words alone
  for (Hit& hit : *near) candidates.try_emplace(hit.chunk_id, std::move(hit));
  for (Hit& hit : words->hits) {
    hit.score = least_near;
    const std::int64_t id = hit.chunk_id;
    if (candidates.try_emplace(id, std::move(hit)).second) unseen.push_back(id);
  }
  const auto scores = similarities(connection, query, unseen);
  if (!scores) return scores.error();
  for (const auto& [id, score] : *scores) candidates.at(id).score = score;

  std::vector<Hit> hits;
  for (auto& [id, hit] : candidates) {
    const double by_words = std::min(words->score(id) / best, 1.0);
    hit.score = (hit.score + kWordsWeight * by_words) / (1 + kWordsWeight);
    hits.push_back(std::move(hit));
  }
  sort_hits(hits);
  std::set<Place> places;
  std::erase_if(hits, [&](const Hit& hit) { return !places.insert(place_of(hit)).second; });
  if (hits.size() > filters.limit) hits.resize(filters.limit);
  return BothAnswer{std::move(hits), true};
}

}  // namespace forkdex
