#include "supervisor/database/word_segments.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include "common/pg/advisory_lock.h"
#include "common/words/word_segment.h"
#include "tests/support/wait_until.h"
#include "tests/unit/postgres_fixture.h"
#include "tests/unit/word_corpus.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

/// Ranges that follow each other, each of ten ids; a segment's number is its place from 1.
class Ranges {
 public:
  Ranges& segment(std::uint64_t chunks, std::uint64_t indexed = 0) {
    add(chunks).indexed = indexed == 0 ? chunks : indexed;
    all_.back().segments = {static_cast<std::int64_t>(all_.size())};
    return *this;
  }
  Ranges& fresh(std::uint64_t chunks) {
    add(chunks);
    return *this;
  }

  /// "FIRST-LAST: CHUNKS, replaces SEGMENTS" for each, in order of ids.
  std::vector<std::string> merges() const {
    std::vector<WordMerge> merges = merges_of(all_);
    std::sort(merges.begin(), merges.end(), [](const WordMerge& a, const WordMerge& b) {
      return a.job.first_chunk < b.job.first_chunk;
    });
    std::vector<std::string> texts;
    for (const WordMerge& merge : merges)
      texts.push_back(fmt::format("{}-{}: {}, replaces {}", merge.job.first_chunk,
                                  merge.job.last_chunk, merge.chunks,
                                  fmt::join(merge.job.replaced, " ")));
    return texts;
  }

  std::vector<ChunkRange> all() const { return all_; }

 private:
  ChunkRange& add(std::uint64_t chunks) {
    const auto first = static_cast<std::int64_t>(10 * all_.size() + 1);
    all_.push_back({.first = first, .last = first + 9, .chunks = chunks});
    return all_.back();
  }
  std::vector<ChunkRange> all_;
};

using Merges = std::vector<std::string>;

/// A database of two repositories, whose chunks have no words.
class Chunks {
 public:
  explicit Chunks(const std::string& database)
      : url(fresh_database(database)), connection(connect(url)) {
    test::add_repositories(connection, 2);
  }

  void add(int repository, std::int64_t first, std::int64_t last) {
    must_run(connection,
             fmt::format("INSERT INTO forkdex.chunks (id, repository_id, path_hash, path, ordinal, "
                         "kind, name, qualified_name, parent, signature, docstring, start_line, "
                         "end_line, definition_line, start_byte, end_byte, source, content_hash, "
                         "metadata) OVERRIDING SYSTEM VALUE SELECT n, {}, '', '', n, 'text', '', "
                         "'', '', '', '', 1, 1, 1, 0, 1, '', '', '{{}}' FROM "
                         "generate_series({}, {}) n",
                         repository, first, last));
  }

  void add_segment(int repository, std::int64_t first, std::int64_t last, int chunks) {
    must_run(connection, fmt::format("INSERT INTO forkdex.word_segments (repository_id, "
                                     "first_chunk, last_chunk, chunks, words, bits, documents) "
                                     "VALUES ({}, {}, {}, {}, 0, 0, '')",
                                     repository, first, last, chunks));
  }

  /// "FIRST-LAST: CHUNKS", and " of INDEXED" for a segment.
  Merges ranges(int repository, bool only_new = false) {
    const auto found = word_ranges(connection, repository, only_new);
    if (!found) throw std::runtime_error(found.error().text());
    Merges texts;
    for (const ChunkRange& range : *found) {
      texts.push_back(fmt::format("{}-{}: {}", range.first, range.last, range.chunks));
      CHECK(range.segments.size() == (range.indexed > 0 ? 1 : 0));
      if (range.indexed > 0) texts.back() += fmt::format(" of {}", range.indexed);
    }
    return texts;
  }

  std::string url;
  PgConnection connection;
};

}  // namespace

TEST_CASE("word segments: nothing new, or too few chunks -> nothing to make", "[words]") {
  CHECK(Ranges().merges().empty());
  CHECK(Ranges().segment(10'000).merges().empty());
  CHECK(Ranges().segment(600).segment(600).segment(600).merges().empty());
  CHECK(Ranges().fresh(511).merges().empty());
  CHECK(Ranges().segment(100).segment(10'000).fresh(511).merges().empty());
}

TEST_CASE("word segments: enough new chunks -> a segment of each range", "[words]") {
  CHECK(Ranges().fresh(512).merges() == Merges{"1-10: 512, replaces "});
  CHECK(Ranges().fresh(65'536).fresh(65'536).fresh(511).merges() ==
        Merges{"1-10: 65536, replaces ", "11-20: 65536, replaces "});
  CHECK(Ranges().fresh(65'536).fresh(512).merges() ==
        Merges{"1-10: 65536, replaces ", "11-20: 512, replaces "});
}

TEST_CASE("word segments: new chunks -> grow together with segments at most twice as large",
          "[words]") {
  CHECK(Ranges().segment(1200).fresh(600).merges() == Merges{"1-20: 1800, replaces 1"});
  CHECK(Ranges().segment(1201).fresh(600).merges() == Merges{"11-20: 600, replaces "});
  CHECK(Ranges().segment(4000).segment(2000).segment(1000).fresh(600).merges() ==
        Merges{"1-40: 7600, replaces 1 2 3"});
  CHECK(Ranges().segment(10'000).segment(1000).fresh(600).merges() ==
        Merges{"11-30: 1600, replaces 2"});
  // One that is too large hides those before it.
  CHECK(Ranges().segment(10).segment(5000).segment(1000).fresh(600).merges() ==
        Merges{"21-40: 1600, replaces 3"});
}

TEST_CASE("word segments: more chunks than a segment takes -> are never in one", "[words]") {
  CHECK(Ranges().segment(25'536).fresh(40'000).merges() == Merges{"1-20: 65536, replaces 1"});
  CHECK(Ranges().segment(25'537).fresh(40'000).merges() == Merges{"11-20: 40000, replaces "});
  CHECK(Ranges().segment(65'536).fresh(65'536).merges() == Merges{"11-20: 65536, replaces "});
  Ranges many;
  for (int i = 0; i < 400; ++i) many.segment(900);
  for (const WordMerge& merge : merges_of(many.fresh(1000).all()))
    CHECK(merge.chunks <= kMaxWordSegmentChunks);
}

TEST_CASE("word segments: a segment that has lost more than half -> is made anew", "[words]") {
  CHECK(Ranges().segment(500, 1000).merges().empty());
  CHECK(Ranges().segment(499, 1000).merges() == Merges{"1-10: 499, replaces 1"});
  CHECK(Ranges().segment(0, 1000).merges() == Merges{"1-10: 0, replaces 1"});
  CHECK(Ranges().segment(2000).segment(499, 1000).segment(3000).merges() ==
        Merges{"11-20: 499, replaces 2"});
  CHECK(Ranges().segment(900).segment(499, 1000).segment(3000).merges() ==
        Merges{"1-20: 1399, replaces 1 2"});
  CHECK(Ranges().segment(499, 1000).segment(3000).segment(1, 1000).fresh(100).merges() ==
        Merges{"1-10: 499, replaces 1", "21-30: 1, replaces 3"});
}

TEST_CASE("word segments: more small segments than one job replaces -> the last of them",
          "[words]") {
  Ranges many;
  for (std::size_t i = 0; i < kMostReplaced + 44; ++i) many.segment(1);
  const auto merges = merges_of(many.fresh(600).all());
  REQUIRE(merges.size() == 1);
  CHECK(merges[0].job.replaced.size() == kMostReplaced);
  CHECK(merges[0].job.replaced.front() == 45);
  CHECK(merges[0].job.first_chunk == 441);
  CHECK(merges[0].chunks == 600 + kMostReplaced);
}

TEST_CASE("word segments: chunks without a segment between segments -> one is made of them",
          "[words]") {
  CHECK(Ranges().fresh(600).segment(5000).merges() == Merges{"1-10: 600, replaces "});
  CHECK(Ranges().segment(1000).fresh(600).segment(5000).merges() ==
        Merges{"1-20: 1600, replaces 1"});
  CHECK(Ranges().segment(1000).fresh(5).segment(5000).merges().empty());
  // What grows over a few takes them in, or stays behind them.
  CHECK(Ranges().segment(1000).fresh(5).segment(700).fresh(600).merges() ==
        Merges{"1-40: 2305, replaces 1 3"});
  CHECK(Ranges().fresh(5).fresh(65'536).merges() == Merges{"11-20: 65536, replaces "});
  CHECK(Ranges().segment(1000).fresh(5).fresh(65'536).merges() ==
        Merges{"21-30: 65536, replaces "});
}

TEST_CASE("word segments: a repository's chunks -> ranges of its segments and of the rest",
          "[words][postgres]") {
  Chunks chunks("word_ranges");
  CHECK(chunks.ranges(1).empty());
  chunks.add(1, 1, 10);
  chunks.add(2, 11, 30);
  chunks.add(1, 31, 35);
  CHECK(chunks.ranges(1) == Merges{"1-35: 15"});
  CHECK(chunks.ranges(2) == Merges{"1-30: 20"});
  chunks.add_segment(1, 1, 35, 20);
  CHECK(chunks.ranges(1) == Merges{"1-35: 15 of 20"});
  CHECK(chunks.ranges(1, true) == Merges{"1-35: 20 of 20"});
  chunks.add(2, 36, 40);
  CHECK(chunks.ranges(1) == Merges{"1-35: 15 of 20"});
  chunks.add(1, 50, 52);
  CHECK(chunks.ranges(1) == Merges{"1-35: 15 of 20", "36-52: 3"});
  CHECK(chunks.ranges(1, true) == Merges{"1-35: 20 of 20", "36-52: 3"});
  chunks.add_segment(1, 36, 52, 3);
  CHECK(chunks.ranges(1) == Merges{"1-35: 15 of 20", "36-52: 3 of 3"});
  must_run(chunks.connection, "DELETE FROM forkdex.chunks WHERE repository_id = 1");
  CHECK(chunks.ranges(1) == Merges{"1-35: 0 of 20", "36-52: 0 of 3"});
  CHECK(chunks.ranges(2) == Merges{"1-40: 25"});
}

TEST_CASE("word segments: chunks before and between segments -> ranges of their own",
          "[words][postgres]") {
  Chunks chunks("word_ranges_between");
  chunks.add(1, 1, 40);
  chunks.add_segment(1, 11, 20, 10);
  chunks.add_segment(1, 31, 35, 5);
  const Merges all = {"1-10: 10", "11-20: 10 of 10", "21-30: 10", "31-35: 5 of 5", "36-40: 5"};
  CHECK(chunks.ranges(1) == all);
  CHECK(chunks.ranges(1, true) == all);
  must_run(chunks.connection, "DELETE FROM forkdex.chunks WHERE id BETWEEN 21 AND 30");
  CHECK(chunks.ranges(1) == Merges{"1-10: 10", "11-20: 10 of 10", "31-35: 5 of 5", "36-40: 5"});
}

TEST_CASE("word segments: more new chunks than a segment takes -> ranges of at most as many",
          "[words][postgres]") {
  Chunks chunks("word_ranges_many");
  chunks.add(2, 1, 5);
  chunks.add(1, 6, 65'541);
  CHECK(chunks.ranges(1) == Merges{"1-65541: 65536"});
  chunks.add(1, 70'000, 70'000);
  CHECK(chunks.ranges(1) == Merges{"1-65541: 65536", "65542-70000: 1"});
  chunks.add_segment(1, 70'000, 70'000, 1);
  chunks.add(1, 65'542, 65'550);
  CHECK(chunks.ranges(1) == Merges{"1-65541: 65536", "65542-69999: 9", "70000-70000: 1 of 1"});
}

TEST_CASE("word segments: while a transaction stores chunks -> the ranges wait for it",
          "[words][postgres]") {
  Chunks chunks("word_ranges_wait");
  chunks.add(1, 2, 2);
  PgConnection storing = connect(chunks.url);
  must_run(storing, fmt::format("BEGIN; SELECT pg_advisory_xact_lock_shared({}, 1)", kWordsLock));
  auto waiting = std::async(std::launch::async, [&] { return chunks.ranges(1); });
  PgConnection watching = connect(chunks.url);
  test::wait_until("the ranges wait for a lock", [&] {
    return must_run(watching,
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
                    "database = (SELECT oid FROM pg_database WHERE datname = current_database())")
               .integer(0, 0) == 1;
  });
  CHECK(waiting.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  must_run(storing,
           "INSERT INTO forkdex.chunks (id, repository_id, path_hash, path, ordinal, kind, name, "
           "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
           "start_byte, end_byte, source, content_hash, metadata) OVERRIDING SYSTEM VALUE SELECT "
           "7, repository_id, path_hash, path, 7, kind, name, qualified_name, parent, signature, "
           "docstring, start_line, end_line, definition_line, start_byte, end_byte, source, "
           "content_hash, metadata FROM forkdex.chunks WHERE id = 2; COMMIT");
  CHECK(waiting.get() == Merges{"1-7: 2"});
  // Of another repository, none is waited for.
  must_run(storing, fmt::format("BEGIN; SELECT pg_advisory_xact_lock_shared({}, 2)", kWordsLock));
  CHECK(chunks.ranges(1) == Merges{"1-7: 2"});
}

TEST_CASE("word segments: a wait that ends early -> an error, and no open transaction",
          "[words][postgres]") {
  Chunks chunks("word_ranges_refused");
  PgConnection storing = connect(chunks.url);
  must_run(storing, fmt::format("BEGIN; SELECT pg_advisory_xact_lock_shared({}, 1)", kWordsLock));
  must_run(chunks.connection, "SET lock_timeout = '10ms'");
  const auto ranges = word_ranges(chunks.connection, 1, false);
  REQUIRE_FALSE(ranges.ok());
  CHECK(ranges.error().code == ErrorCode::kDatabaseBusy);
  must_run(storing, "COMMIT");
  CHECK(chunks.ranges(1).empty());
}

TEST_CASE("word segments: the right to merge -> one session's at a time", "[words][postgres]") {
  Chunks chunks("word_merge_right");
  PgConnection other = connect(chunks.url);
  CHECK(*lock_word_merge(chunks.connection, 1));
  CHECK_FALSE(*lock_word_merge(other, 1));
  CHECK(*lock_word_merge(other, 2));
  REQUIRE(unlock_word_merge(chunks.connection, 1).ok());
  CHECK(*lock_word_merge(other, 1));
  other.close();
  test::wait_until("the right of a session that has ended is free",
                   [&] { return *lock_word_merge(chunks.connection, 2); });
}

}  // namespace forkdex
