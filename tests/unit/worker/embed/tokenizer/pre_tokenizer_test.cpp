#include "worker/embed/tokenizer/pre_tokenizer.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "worker/embed/tokenizer/byte_level.h"

namespace forkdex {
namespace {

using Pieces = std::vector<std::string>;

Pieces pieces_of(const PreTokenizer& pre_tokenizer, std::string_view text, bool at_start = true) {
  Pieces pieces;
  pre_tokenizer.split(text, at_start, [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  });
  return pieces;
}

Pieces pattern(std::string_view text) {
  Pieces pieces;
  while (!text.empty()) {
    pieces.emplace_back(text.substr(0, ByteLevel::first_piece(text)));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

TEST_CASE("pre-tokenizer: GPT-2's pattern takes letters, numbers and the rest apart") {
  CHECK(pattern("foo bar12 ++x") == Pieces{"foo", " bar", "12", " ++", "x"});
  CHECK(pattern("é漢½٣!") == Pieces{"é漢", "½٣", "!"});
}

TEST_CASE("pre-tokenizer: GPT-2's pattern takes the ends of contractions apart, in lower case") {
  CHECK(pattern("we'll don't I'D x's") ==
        Pieces{"we", "'ll", " don", "'t", " I", "'", "D", " x", "'s"});
  CHECK(pattern("''s !'s") == Pieces{"''", "s", " !'", "s"});
}

TEST_CASE("pre-tokenizer: whitespace leaves its last character to what follows") {
  CHECK(pattern("a   b") == Pieces{"a", "  ", " b"});
  CHECK(pattern("a\n\n\tb") == Pieces{"a", "\n\n", "\t", "b"});
  CHECK(pattern("a\nb  ") == Pieces{"a", "\n", "b", "  "});
}

TEST_CASE("pre-tokenizer: bytes are spelled as visible characters") {
  CHECK(pieces_of(ByteLevel({.add_prefix_space = false}), "a b\n\xC3\xA9") ==
        Pieces{"a", "Ġb", "Ċ", "Ã©"});
  CHECK(pieces_of(ByteLevel({.add_prefix_space = true}), "a b") == Pieces{"Ġa", "Ġb"});
  CHECK(pieces_of(ByteLevel({.add_prefix_space = true, .use_pattern = false}), " a b") ==
        Pieces{"ĠaĠb"});
}

TEST_CASE("pre-tokenizer: a space begins a piece of SentencePiece's") {
  CHECK(pieces_of(Metaspace({}), "a  b ") == Pieces{"▁a", "▁", "▁b", "▁"});
  CHECK(pieces_of(Metaspace({}), " a") == Pieces{"▁a"});
  CHECK(pieces_of(Metaspace({.prepend = Metaspace::Prepend::kNever}), "a b") == Pieces{"a", "▁b"});
  CHECK(pieces_of(Metaspace({.split = false}), "a b") == Pieces{"▁a▁b"});
  const Metaspace first({.prepend = Metaspace::Prepend::kFirst});
  CHECK(pieces_of(first, "a", true) == Pieces{"▁a"});
  CHECK(pieces_of(first, "a", false) == Pieces{"a"});
}

TEST_CASE("pre-tokenizer: a sequence cuts pieces further, and none makes one piece") {
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  CHECK(pieces_of(PreTokenizerSequence(std::move(steps)), "a b") == Pieces{"a b"});
  steps.clear();
  steps.push_back(std::make_unique<WhitespaceSplit>());
  steps.push_back(std::make_unique<Metaspace>(Metaspace::Rules{}));
  CHECK(pieces_of(PreTokenizerSequence(std::move(steps)), " a\u3000b\n") == Pieces{"▁a", "▁b"});
}

TEST_CASE("pre-tokenizer: nothing is cut that nobody wants") {
  for (const bool use_pattern : {true, false}) {
    Pieces pieces;
    const auto take_one = [&](std::string_view piece) {
      pieces.emplace_back(piece);
      return false;
    };
    CHECK_FALSE(ByteLevel({false, use_pattern}).split("a b", true, take_one));
    CHECK(pieces.size() == 1);
  }
}

}  // namespace
}  // namespace forkdex
