#include "supervisor/answer/word_index.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "supervisor/database/word_segments.h"
#include "tests/support/seed.h"
#include "tests/unit/postgres_fixture.h"
#include "tests/unit/word_corpus.h"
#include "worker/store/word_store.h"

namespace forkdex {
namespace {

using test::must_run;
using test::WordChunk;

using Ids = std::vector<std::int64_t>;

/// A repository whose chunks come and go, and whose words are merged now and then.
class Life {
 public:
  Life(PgConnection& connection, std::mt19937& random) : connection_(connection), random_(random) {}

  void store(std::size_t count) {
    std::vector<WordChunk> chunks;
    for (; count > 0; --count) {
      id_ += 1 + static_cast<std::int64_t>(random_() % 4 == 0 ? random_() % 50 : 0);
      chunks.push_back(
          {.id = id_, .body = fmt::format("every remainder{}", id_ % 9), .path = "all.py"});
    }
    test::add_word_chunks(connection_, chunks);
  }

  void remove() {
    const auto from = static_cast<std::int64_t>(random_()) % (id_ + 1);
    const auto share = random_() % 3 == 0 ? id_ : id_ / 5;
    must_run(connection_, fmt::format("DELETE FROM forkdex.chunks WHERE id BETWEEN {} AND {} AND "
                                      "id % 8 <> 0",
                                      from, from + share));
  }

  /// Makes what a run would, in any order, and not always all of it.
  void merge() {
    const auto ranges = word_ranges(connection_, 1, random_() % 2 == 0);
    if (!ranges) throw std::runtime_error(ranges.error().text());
    std::vector<WordMerge> merges = merges_of(*ranges);
    std::shuffle(merges.begin(), merges.end(), random_);
    for (const WordMerge& merge : merges) {
      if (random_() % 3 == 0) continue;
      test::merge_words(connection_, 1, merge.job);
      ++merges_;
    }
  }

  /// The chunks that have `word`, by the word index, without those that are gone.
  Ids found(const std::string& word) {
    must_run(connection_, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    const std::vector<std::int64_t> repositories = {1};
    const std::vector<std::string> words = {word};
    const auto scored = score_by_words(connection_, repositories, words);
    must_run(connection_, "COMMIT");
    if (!scored) throw std::runtime_error(scored.error().text());
    const Ids there = stored("true");
    Ids ids;
    for (const ScoredChunk& chunk : *scored)
      if (std::binary_search(there.begin(), there.end(), chunk.chunk_id))
        ids.push_back(chunk.chunk_id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  Ids stored(const std::string& condition) {
    const PgRows rows =
        must_run(connection_, "SELECT id FROM forkdex.chunks WHERE " + condition + " ORDER BY id");
    Ids ids;
    for (int row = 0; row < rows.size(); ++row) ids.push_back(rows.integer(row, 0));
    return ids;
  }

  int merges() const { return merges_; }

 private:
  PgConnection& connection_;
  std::mt19937& random_;
  std::int64_t id_ = 0;
  int merges_ = 0;
};

}  // namespace

TEST_CASE(
    "word index: chunks stored, removed and merged in any order, merges left out -> each is "
    "found once",
    "[words][postgres]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  PgConnection connection = test::connect(test::fresh_database("word_index_life"));
  test::add_repositories(connection, 1);
  Life life(connection, random);
  for (int round = 0; round < 25; ++round) {
    life.store(random() % 1500);
    if (random() % 2 == 0) life.remove();
    life.merge();
    CAPTURE(round);
    REQUIRE(life.found("every") == life.stored("true"));
    REQUIRE(life.found("remainder4") == life.stored("id % 9 = 4"));
  }
  CHECK(life.merges() > 3);
}

TEST_CASE("word index: repositories that are not asked -> do not count", "[words][postgres]") {
  PgConnection connection = test::connect(test::fresh_database("word_index_others"));
  test::add_repositories(connection, 3);
  std::vector<WordChunk> chunks;
  for (std::int64_t id = 1; id <= 90; ++id)
    chunks.push_back({.id = id,
                      .body = id % 3 == 0 ? "word" : fmt::format("word other{}", id),
                      .repository = 1 + id % 3});
  test::add_word_chunks(connection, chunks);
  test::merge_words(connection, 2, {.first_chunk = 1, .last_chunk = 90});
  const std::vector<std::string> words = {"word"};
  const auto scores = [&](const std::vector<std::int64_t>& repositories) {
    must_run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto scored = score_by_words(connection, repositories, words);
    must_run(connection, "COMMIT");
    if (!scored) throw std::runtime_error(scored.error().text());
    return *scored;
  };
  CHECK(scores({1}).size() == 30);
  CHECK(scores({2}).size() == 30);
  CHECK(scores({1, 3}).size() == 60);
  CHECK(scores({1, 2, 3}).size() == 90);
  CHECK(scores({}).empty());
  CHECK(scores({4}).empty());
  for (const ScoredChunk& chunk : scores({1})) CHECK(chunk.score > 0);
  must_run(connection, "DELETE FROM forkdex.chunks WHERE repository_id <> 1");
  const auto alone = scores({1});
  REQUIRE(alone.size() == 30);
  CHECK(alone[0].score == Approx(std::log(1 + 0.5 / 30.5) * 2.2 / 2.2));
}

}  // namespace forkdex
