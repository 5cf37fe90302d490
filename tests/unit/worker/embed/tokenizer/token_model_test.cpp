#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "worker/embed/tokenizer/bpe.h"
#include "worker/embed/tokenizer/unigram.h"
#include "worker/embed/tokenizer/wordpiece.h"

namespace forkdex {
namespace {

using Ids = std::vector<std::int32_t>;

Ids ids_of(const TokenModel& model, std::string_view piece) {
  Ids ids;
  model.append(piece, ids);
  return ids;
}

Bpe::Definition letters() {
  Bpe::Definition definition;
  definition.vocabulary = {{"a", 10}, {"b", 11}, {"c", 12}, {"ab", 13}, {"bc", 14}, {"abc", 15}};
  definition.merges = {{"b", "c"}, {"a", "b"}, {"a", "bc"}};
  return definition;
}

TEST_CASE("bpe: joins the pair that is listed first, wherever it stands") {
  const auto bpe = Bpe::make(letters());
  REQUIRE(bpe);
  CHECK(ids_of(*bpe, "ab") == Ids{13});
  CHECK(ids_of(*bpe, "abab") == Ids{13, 13});
  CHECK(ids_of(*bpe, "abcb") == Ids{15, 11});
  CHECK(ids_of(*bpe, "aabc") == Ids{10, 15});
}

TEST_CASE("bpe: of equal pairs the leftmost is joined") {
  Bpe::Definition definition;
  definition.vocabulary = {{"a", 0}, {"aa", 1}};
  definition.merges = {{"a", "a"}};
  CHECK(ids_of(*Bpe::make(definition), "aaa") == Ids{1, 0});
}

TEST_CASE("bpe: a piece that is a token needs merges unless they are ignored") {
  Bpe::Definition definition = letters();
  definition.merges.pop_back();
  CHECK(ids_of(*Bpe::make(definition), "abc") == Ids{10, 14});
  definition.ignore_merges = true;
  CHECK(ids_of(*Bpe::make(definition), "abc") == Ids{15});
}

TEST_CASE("bpe: what is no token is dropped, unknown, or spelled in bytes") {
  Bpe::Definition definition = letters();
  CHECK(ids_of(*Bpe::make(definition), "axyb") == Ids{13});
  definition.vocabulary.emplace("?", 1);
  definition.unknown = "?";
  CHECK(ids_of(*Bpe::make(definition), "axyb") == Ids{10, 1, 1, 11});
  definition.fuse_unknown = true;
  CHECK(ids_of(*Bpe::make(definition), "axyb") == Ids{10, 1, 11});
  definition.vocabulary.emplace("<0x78>", 2);
  definition.byte_fallback = true;
  CHECK(ids_of(*Bpe::make(definition), "axb") == Ids{10, 2, 11});
  CHECK(ids_of(*Bpe::make(definition), "ayb") == Ids{10, 1, 11});
}

TEST_CASE("bpe: a merge or an unknown token outside the vocabulary is refused") {
  Bpe::Definition definition = letters();
  SECTION("left") { definition.merges.push_back({"x", "a"}); }
  SECTION("result") { definition.merges.push_back({"c", "c"}); }
  SECTION("unknown") { definition.unknown = "?"; }
  CHECK_FALSE(Bpe::make(definition));
}

// What is quadratic would take an hour.
TEST_CASE("bpe: a word of a million letters is as cheap as many words") {
  const auto bpe = Bpe::make(letters());
  std::string word;
  while (word.size() < 1'000'000) word += "abcabbca";
  const Ids ids = ids_of(*bpe, word);
  CHECK(ids.size() == word.size() / 2);
}

Unigram scored(std::vector<Unigram::Scored> more, bool byte_fallback = false) {
  std::vector<Unigram::Scored> vocabulary = {{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}};
  vocabulary.insert(vocabulary.end(), more.begin(), more.end());
  return {std::move(vocabulary), 0, byte_fallback};
}

TEST_CASE("unigram: cuts where the scores add up highest") {
  CHECK(ids_of(scored({}), "ab") == Ids{3});
  CHECK(ids_of(scored({}), "aab") == Ids{1, 3});
  CHECK(ids_of(scored({{"aa", -3}}), "aab") == Ids{1, 3});
  CHECK(ids_of(scored({{"aa", -1}}), "aab") == Ids{4, 2});
}

TEST_CASE("unigram: of ways worth the same the one with the longer last token wins") {
  CHECK(ids_of(scored({{"ba", -1.5}}), "aba") == Ids{1, 4});
}

TEST_CASE("unigram: neighbours that are unknown are one, unless they are spelled in bytes") {
  CHECK(ids_of(scored({}), "axyb") == Ids{1, 0, 2});
  CHECK(ids_of(scored({{"<0x78>", -9}, {"<0x79>", -9}}, true), "axyb") == Ids{1, 4, 5, 2});
  CHECK(ids_of(scored({{"<0x78>", -9}}, true), "axyb") == Ids{1, 0, 2});
  CHECK(ids_of(scored({}), "漢") == Ids{0});
}

TEST_CASE("unigram: of equal tokens the last one counts") {
  CHECK(ids_of(scored({{"a", -2}}), "a") == Ids{4});
}

// What is quadratic would take hours, and a score for each place sixteen times the memory.
TEST_CASE("unigram: a word of four million letters is as cheap as many words") {
  const std::string word(4'000'000, 'a');
  const Ids ids = ids_of(scored({{"aaaa", -1}}), word);
  CHECK(ids == Ids(word.size() / 4, 4));
}

TEST_CASE("wordpiece: without a prefix a continuation is any token") {
  const WordPiece model({{"a", 1}, {"b", 2}}, {.continuation_prefix = "", .unknown_id = 0});
  CHECK(ids_of(model, "aba") == Ids{1, 2, 1});
}

}  // namespace
}  // namespace forkdex
