#include "worker/parse/generated.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/worker/parse/chunker_fixture.h"

using namespace forkdex;
using namespace forkdex::test;

namespace {

std::string lines_of(std::size_t characters, std::size_t lines, const std::string& end) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) text += std::string(characters, 'x') + end;
  return text;
}

bool is_generated(std::string_view text) {
  const auto checked = check_written_by_hand(text);
  if (!checked) CHECK(checked.error().code == ErrorCode::kGeneratedFile);
  return !checked.ok();
}

}  // namespace

TEST_CASE("generated: lines that average too many characters, however they end", "[parse]") {
  const std::string end = GENERATE("\n", "\r\n", "\r");
  CHECK(is_generated(lines_of(1100, 100, end)));
  CHECK_FALSE(is_generated(lines_of(900, 100, end)));
  CHECK(is_generated(lines_of(1100, 100, end) + "the last line does not end"));
}

TEST_CASE("generated: one line is, unless it is short", "[parse]") {
  CHECK(is_generated(std::string(kMaxUncheckedBytes + 1, 'x')));
  CHECK_FALSE(is_generated(std::string(kMaxUncheckedBytes, 'x')));
  CHECK_FALSE(is_generated(""));
}

TEST_CASE("generated: characters count, not bytes", "[parse]") {
  std::string text;
  for (int line = 0; line < 100; ++line) {
    for (int i = 0; i < 900; ++i) text += "\u6f22";  // three bytes each
    text += '\n';
  }
  CHECK_FALSE(is_generated(text));
}

TEST_CASE("generated: the chunker refuses it and says why", "[parse]") {
  Chunker chunker(count_words, {});
  const auto refused = chunker.chunk("a.min.js", std::string(100'000, ';'));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kGeneratedFile);
  CHECK(refused.error().text() == "its lines have 100000 characters on average, more than 1000");
}
