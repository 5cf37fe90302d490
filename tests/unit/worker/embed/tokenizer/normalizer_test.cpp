#include "worker/embed/tokenizer/normalizer.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "worker/embed/tokenizer/charsmap.h"
#include "worker/embed/tokenizer/graphemes.h"
#include "worker/embed/tokenizer/normal_form.h"

namespace forkdex {
namespace {

std::string normal_form(const Normalizer& normalizer, std::string_view text) {
  std::string out = "before ";
  normalizer.append(text, out);
  REQUIRE(out.starts_with("before "));
  return out.substr(7);
}

TEST_CASE("normalizer: composes and decomposes") {
  const NormalFormNormalizer nfc({.compatibility = false, .compose = true});
  const NormalFormNormalizer nfd({.compatibility = false, .compose = false});
  const NormalFormNormalizer nfkc({.compatibility = true, .compose = true});
  CHECK(normal_form(nfc, "e\u0301 \u1112\u1161\u11ab") == "é 한");
  CHECK(normal_form(nfd, "é 한") == "e\u0301 \u1112\u1161\u11ab");
  CHECK(normal_form(nfkc, "ﬁ²e\u0301") == "fi2é");
  CHECK(normal_form(nfc, "ﬁ²") == "ﬁ²");
}

TEST_CASE("normalizer: a mark of the same class keeps one from composing") {
  const NormalFormNormalizer nfc({.compatibility = false, .compose = true});
  CHECK(normal_form(nfc, "a\u0301\u0300") == "á\u0300");
  CHECK(normal_form(nfc, "a\u0301\u0323") == "ạ\u0301");
}

TEST_CASE("normalizer: replaces strings and runs of spaces") {
  CHECK(normal_form(ReplaceNormalizer("``", "\""), "```a``") == "\"`a\"");
  CHECK(normal_form(ReplaceSpacesNormalizer("_"), "a  b c   ") == "a_b c_");
}

TEST_CASE("normalizer: strips, prepends, lowers, drops accents") {
  CHECK(normal_form(StripNormalizer(true, false), " \u3000a ") == "a ");
  CHECK(normal_form(StripNormalizer(false, true), " a\n ") == " a");
  CHECK(normal_form(PrependNormalizer("_"), "a") == "_a");
  CHECK(normal_form(PrependNormalizer("_"), "") == "");
  CHECK(normal_form(LowercaseNormalizer(), "ÀİB") == "ài\u0307b");
  CHECK(normal_form(StripAccentsNormalizer(), "e\u0301é\u0903") == "eé");
}

TEST_CASE("normalizer: a sequence goes from step to step") {
  std::vector<std::unique_ptr<Normalizer>> steps;
  steps.push_back(std::make_unique<ReplaceNormalizer>("a", "b"));
  steps.push_back(std::make_unique<ReplaceNormalizer>("bb", "c"));
  CHECK(normal_form(NormalizerSequence(std::move(steps)), "abx") == "cx");
  CHECK(normal_form(NormalizerSequence({}), "abx") == "abx");
}

TEST_CASE("normalizer: grapheme clusters are what a reader takes for one character") {
  CHECK(first_grapheme("ab") == 1);
  CHECK(first_grapheme("\r\nb") == 2);
  CHECK(first_grapheme("e\u0301\u0323x") == 5);
  CHECK(first_grapheme("\u1100\u1161\u11a8\u1100") == 9);
  CHECK(first_grapheme("👩\u200d💻x") == 11);
  CHECK(first_grapheme("क\u094dक\u0300x") == 11);
  CHECK(first_grapheme("\n\u0301") == 1);
}

std::string unit(std::uint32_t value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
          static_cast<char>(value >> 24)};
}

// A charsmap that knows one letter; its trie has the letter's unit at 'a' and a leaf at 0.
std::string one_letter(std::uint32_t leaf, const std::string& replacements) {
  std::vector<std::uint32_t> units(128, 0);
  units['a'] = static_cast<std::uint32_t>('a') << 10 | 1 << 8 | 'a';
  units[0] = leaf;
  std::string bytes = unit(static_cast<std::uint32_t>(units.size() * 4));
  for (const std::uint32_t value : units) bytes += unit(value);
  return bytes + replacements;
}

TEST_CASE("normalizer: a charsmap replaces a short cluster by what its first character becomes") {
  const auto charsmap = CharsmapNormalizer::make(one_letter(0, std::string("xy\0", 3)));
  REQUIRE(charsmap);
  CHECK(normal_form(*charsmap, "bab") == "bxyb");
  CHECK(normal_form(*charsmap, "a\u0301") == "xy");
  CHECK(normal_form(*charsmap, "a\u0301\u0301\u0301") == "xy\u0301\u0301\u0301");
}

TEST_CASE("normalizer: a charsmap that is none, or lies, replaces nothing") {
  CHECK_FALSE(CharsmapNormalizer::make(""));
  CHECK_FALSE(CharsmapNormalizer::make(unit(0)));
  CHECK_FALSE(CharsmapNormalizer::make(unit(4)));
  CHECK_FALSE(CharsmapNormalizer::make(unit(3) + "abc"));
  CHECK_FALSE(CharsmapNormalizer::make(one_letter(0, "\xFF")));
  CHECK_FALSE(CharsmapNormalizer::make(one_letter(0, std::string(2000, 'x'))));
  const auto empty = CharsmapNormalizer::make(one_letter(0, ""));
  REQUIRE(empty);
  CHECK(normal_form(*empty, "ab") == "ab");
  const auto within_a_character = CharsmapNormalizer::make(one_letter(1, "é"));
  REQUIRE(within_a_character);
  CHECK(normal_form(*within_a_character, "ab") == "ab");
}

}  // namespace
}  // namespace forkdex
