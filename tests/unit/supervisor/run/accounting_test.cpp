#include "supervisor/run/accounting.h"

#include <random>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

Job job(std::string path, std::uint64_t bytes = 10, std::uint32_t attempt = 1) {
  Job made;
  made.path = std::move(path);
  made.signature.size = bytes;
  made.attempt = attempt;
  return made;
}

Outcome outcome(FileState state, std::uint32_t chunks = 0, std::string language = {}) {
  Outcome made;
  made.state = state;
  made.chunks = chunks;
  made.language = std::move(language);
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
  accounting.record(job("c.ts"), outcome(FileState::kIndexed, 5, "typescript"));
  accounting.record(job("d.ts"), outcome(FileState::kEmpty, 0, "typescript"));
  CHECK(accounting.check_complete().error().code == ErrorCode::kBug);
  accounting.record(job("e.py"), outcome(FileState::kQuarantined, 0, "python"));
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

  accounting.record(job("e.py"), outcome(FileState::kIndexed));
  CHECK_FALSE(accounting.check_complete().ok());
}

TEST_CASE("accounting: chunks, texts and times are summed", "[accounting]") {
  Accounting accounting;
  Outcome one = outcome(FileState::kIndexed, 3);
  one.embedded = 2;
  one.reused = 1;
  one.tokens = 100;
  one.read = std::chrono::nanoseconds(1);
  one.parse = std::chrono::nanoseconds(20);
  one.embed = std::chrono::nanoseconds(300);
  one.store = std::chrono::nanoseconds(4000);
  accounting.record(job("a"), one);
  accounting.record(job("b"), one);
  CHECK(accounting.chunks().written == 6);
  CHECK(accounting.chunks().embedded == 4);
  CHECK(accounting.chunks().reused == 2);
  CHECK(accounting.chunks().tokens == 200);
  CHECK(accounting.stages().read.count() == 2);
  CHECK(accounting.stages().parse.count() == 40);
  CHECK(accounting.stages().embed.count() == 600);
  CHECK(accounting.stages().store.count() == 8000);
}

TEST_CASE("accounting: a file that its bytes show to be unchanged keeps its language and chunks",
          "[accounting]") {
  Accounting accounting;
  accounting.expect(1, 10);
  Job known = job("a.py");
  known.known_chunks = 3;
  accounting.record(known, outcome(FileState::kUnchanged));
  CHECK(accounting.chunks().written == 0);
  CHECK(accounting.languages().at("python").files == 1);
  CHECK(accounting.languages().at("python").chunks == 3);
}

TEST_CASE("accounting: a problem keeps its path as rows have it, its cause and its attempts",
          "[accounting]") {
  Accounting accounting;
  Outcome failed = outcome(FileState::kFailed);
  failed.reason = "encoding";
  failed.detail = "declared UTF-16";
  accounting.record(job("a\xff\\b", 1, 3), failed);
  accounting.record(job("fine"), outcome(FileState::kIndexed));
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
      accounting.record(job("worked"), outcome(state));
  }
  accounting.expect(expected);
  CHECK(accounting.check_complete().ok());
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kFileStateCount; ++i) sum += accounting.in(static_cast<FileState>(i));
  CHECK(sum - accounting.in(FileState::kRemoved) == accounting.total());
}

}  // namespace forkdex
