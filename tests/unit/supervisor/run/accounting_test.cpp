#include "supervisor/run/accounting.h"

#include <random>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

FinishedFile file(std::string path, FileState state, std::uint32_t chunks = 0,
                  std::string language = {}) {
  FinishedFile made;
  made.path = std::move(path);
  made.verdict.state = state;
  made.facts.language = std::move(language);
  made.chunks = made.result.chunks = chunks;
  made.cost = 10;
  return made;
}

}  // namespace

TEST_CASE("accounting: planned files and outcomes add up to the files found", "[accounting]") {
  Accounting accounting;
  accounting.expect(3);
  accounting.expect(3, 20);
  accounting.record("a.bin", {FileState::kSkipped, "binary"}, "", 0);
  accounting.record("b.ts", {FileState::kUnchanged}, "typescript", 7);
  accounting.record("gone.ts", {FileState::kRemoved}, "typescript", 0);
  accounting.record("no", {FileState::kFailed, "unreadable"}, "", 0);
  CHECK_FALSE(accounting.check_complete().ok());
  accounting.record(file("c.ts", FileState::kIndexed, 5, "typescript"));
  accounting.record(file("d.ts", FileState::kEmpty, 0, "typescript"));
  CHECK(accounting.check_complete().error().code == ErrorCode::kBug);
  accounting.record(file("e.py", FileState::kQuarantined, 0, "python"));
  CHECK(accounting.check_complete().ok());

  CHECK(accounting.total() == 6);
  CHECK(accounting.done() == 6);
  CHECK(accounting.in(FileState::kRemoved) == 1);
  CHECK(accounting.not_indexed() == 2);
  CHECK(accounting.expected_bytes() == 20);
  CHECK(accounting.done_bytes() == 30);
  REQUIRE(accounting.languages().size() == 1);
  CHECK(accounting.languages().at("typescript").files == 3);
  CHECK(accounting.languages().at("typescript").chunks == 12);

  accounting.record(file("e.py", FileState::kIndexed));
  CHECK_FALSE(accounting.check_complete().ok());
}

TEST_CASE("accounting: a partly parsed file counts while it is searchable", "[accounting]") {
  const std::string reason(kPartlyParsed);
  Accounting accounting;
  accounting.record("a.ts", {FileState::kUnchanged, reason}, "typescript", 7);
  accounting.record("gone.ts", {FileState::kRemoved, reason}, "typescript", 0);
  FinishedFile indexed = file("b.ts", FileState::kIndexed, 5, "typescript");
  indexed.verdict.reason = reason;
  accounting.record(indexed);
  accounting.record(file("c.ts", FileState::kIndexed, 5, "typescript"));
  CHECK(accounting.partly_parsed() == 2);
}

TEST_CASE("accounting: chunks and times are summed", "[accounting]") {
  Accounting accounting;
  FinishedFile one = file("a", FileState::kIndexed, 3);
  one.times.read = std::chrono::nanoseconds(1);
  one.times.parse = std::chrono::nanoseconds(20);
  one.times.embed = std::chrono::nanoseconds(300);
  one.times.store = std::chrono::nanoseconds(4000);
  accounting.record(one);
  accounting.record(one);
  CHECK(accounting.chunks_written() == 6);
  CHECK(accounting.stages().read.count() == 2);
  CHECK(accounting.stages().parse.count() == 40);
  CHECK(accounting.stages().embed.count() == 600);
  CHECK(accounting.stages().store.count() == 8000);
}

TEST_CASE("accounting: the chunks of an unchanged file count as searchable, not as written",
          "[accounting]") {
  Accounting accounting;
  accounting.expect(1, 10);
  FinishedFile known = file("a.py", FileState::kUnchanged, 0, "python");
  known.chunks = 3;
  accounting.record(known);
  CHECK(accounting.chunks_written() == 0);
  CHECK(accounting.languages().at("python").files == 1);
  CHECK(accounting.languages().at("python").chunks == 3);
}

TEST_CASE("accounting: a problem keeps its path as rows have it, its cause and its attempts",
          "[accounting]") {
  Accounting accounting;
  FinishedFile failed = file("a\xff\\b", FileState::kFailed);
  failed.verdict = {FileState::kFailed, "encoding", "declared UTF-16", 3};
  accounting.record(failed);
  accounting.record(file("fine", FileState::kIndexed));
  REQUIRE(accounting.problems().size() == 1);
  const Problem& problem = accounting.problems().front();
  CHECK(problem.path == "a\\xff\\\\b");
  CHECK(problem.verdict.state == FileState::kFailed);
  CHECK(problem.verdict.reason == "encoding");
  CHECK(problem.verdict.detail == "declared UTF-16");
  CHECK(problem.verdict.attempts == 3);
}

TEST_CASE("accounting: problems beyond the limit are counted, not kept", "[accounting]") {
  Accounting accounting;
  const std::size_t many = Accounting::kMostProblems + 5;
  accounting.expect(many);
  for (std::size_t i = 0; i < many; ++i)
    accounting.record("p", {FileState::kFailed, "unreadable"}, "", 0);
  CHECK(accounting.problems().size() == Accounting::kMostProblems);
  CHECK(accounting.not_indexed() == many);
  CHECK(accounting.check_complete().ok());
}

TEST_CASE("accounting: any mixture of states adds up", "[accounting]") {
  const unsigned seed = GENERATE(take(20, random(0U, 1'000'000U)));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Accounting accounting;
  std::uint64_t expected = 0;
  for (int i = 0; i < 500; ++i) {
    const auto state = static_cast<FileState>(random() % kFileStateCount);
    if (state != FileState::kRemoved) ++expected;
    if (random() % 2 == 0 || state == FileState::kRemoved)
      accounting.record("planned", {state}, "", 0);
    else
      accounting.record(file("worked", state));
  }
  accounting.expect(expected);
  CHECK(accounting.check_complete().ok());
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kFileStateCount; ++i) sum += accounting.in(static_cast<FileState>(i));
  CHECK(sum - accounting.in(FileState::kRemoved) == accounting.total());
}

}  // namespace forkdex
