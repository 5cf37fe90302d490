#include "common/words/words.h"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/utf8.h"
#include "tests/support/seed.h"

namespace forkdex {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  for_each_word(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

struct Row {
  std::string text;
  Words words;
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(words_of(row.text) == row.words);
  }
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

/// Bytes of which some are well-formed characters of any plane and some are not.
std::string random_text(std::mt19937& random, std::size_t pieces) {
  static const std::string kAscii = "aZq_$09 .'\\\n\"-:,";
  std::string text;
  for (; pieces > 0; --pieces) switch (random() % 5) {
      case 0:
        text += static_cast<char>(random() % 256);
        break;
      case 1:
        append_utf8(static_cast<char32_t>(0x3000 + random() % 0x7000), text);
        break;
      case 2:
        append_utf8(static_cast<char32_t>(0x80 + random() % 0x2000), text);
        break;
      default:
        text += kAscii[random() % kAscii.size()];
    }
  return text;
}

}  // namespace

TEST_CASE("words: an ASCII identifier -> itself in lower case, then its parts", "[words]") {
  check_rows({
      {"", {}},
      {" \t\n.,;()[]{}'\"\\", {}},
      {"word", {"word"}},
      {"Word", {"word"}},
      {"WORD", {"word"}},
      {"x", {"x"}},
      {"i = j", {"i", "j"}},
      {"camelCase", {"camelcase", "camel", "case"}},
      {"PascalCaseName", {"pascalcasename", "pascal", "case", "name"}},
      {"snake_case_name", {"snake_case_name", "snake", "case", "name"}},
      {"SCREAMING_SNAKE", {"screaming_snake", "screaming", "snake"}},
      {"kebab-case", {"kebab", "case"}},
      {"parseHTTPHeader2", {"parsehttpheader2", "parse", "http", "header"}},
      {"HTTPServer", {"httpserver", "http", "server"}},
      {"serveHTTP", {"servehttp", "serve", "http"}},
      {"getURLs", {"geturls", "get", "ur", "ls"}},
      {"utf8_to_utf16", {"utf8_to_utf16", "utf", "to", "utf", "16"}},
      {"sha256sum", {"sha256sum", "sha", "256", "sum"}},
      {"x86", {"x86", "86"}},
      {"aB", {"ab"}},
      {"a_b", {"a_b"}},
      {"xAxis", {"xaxis", "axis"}},
      {"toX", {"tox", "to"}},
      {"$scope", {"$scope", "scope"}},
      {"a$inner$b", {"a$inner$b", "inner"}},
      {"__init__", {"__init__", "init"}},
      {"_private", {"_private", "private"}},
      {"_", {}},
      {"__ $_ $", {}},
      {"_1", {"_1"}},
      {"std::vector<Foo>", {"std", "vector", "foo"}},
      {"self.file_name", {"self", "file_name", "file", "name"}},
      {"a.b->c", {"a", "b", "c"}},
      {"don't", {"don", "t"}},
  });
}

TEST_CASE("words: numbers -> words of their digits and letters", "[words]") {
  check_rows({
      {"0", {"0"}},
      {"42", {"42"}},
      {"3.14", {"3", "14"}},
      {"1_000_000", {"1_000_000", "000", "000"}},
      {"0xFF", {"0xff", "ff"}},
      {"1e10", {"1e10", "10"}},
      {"10px", {"10px", "10", "px"}},
      {"2026-11-30", {"2026", "11", "30"}},
      {"v1.2", {"v1", "2"}},
      {"\u0664\u0662", {"\u0664\u0662"}},  // Arabic-Indic digits
      {"x\u00b2y", {"x\u00b2y"}},          // superscript two
      {"abc\u00b2", {"abc\u00b2", "abc"}},
  });
}

TEST_CASE("words: letters beyond ASCII -> words in lower case, cut as ASCII ones are", "[words]") {
  check_rows({
      {"\u00c4rger", {"\u00e4rger"}},
      {"\u00c4RGER", {"\u00e4rger"}},
      {"gr\u00f6\u00dfe", {"gr\u00f6\u00dfe"}},
      {"Gr\u00f6\u00dfeInMeter", {"gr\u00f6\u00dfeinmeter", "gr\u00f6\u00dfe", "in", "meter"}},
      {"STRA\u1e9eE", {"stra\u00dfe"}},  // capital sharp s
      {"\u0130stanbul", {"istanbul"}},   // İ, one code point for one
      {"\u01c5ep", {"\u01c6ep"}},        // title case dž
      {"\u041f\u0440\u0438\u0432\u0435\u0442", {"\u043f\u0440\u0438\u0432\u0435\u0442"}},
      {"\u041c\u043e\u0439\u041a\u043e\u0434",
       {"\u043c\u043e\u0439\u043a\u043e\u0434", "\u043c\u043e\u0439", "\u043a\u043e\u0434"}},
      {"\u039f\u0394\u039f\u03a3", {"\u03bf\u03b4\u03bf\u03c3"}},  // Greek capitals
      {"e\u0301te\u0301", {"e\u0301te\u0301"}},                    // marks belong to their letters
      {"\u05e9\u05dc\u05d5\u05dd \u05d0", {"\u05e9\u05dc\u05d5\u05dd", "\u05d0"}},
      {"\u0928\u092e\u0938\u094d\u0924\u0947", {"\u0928\u092e\u0938\u094d\u0924\u0947"}},
      {"\uac00\ub098 \ub2e4", {"\uac00\ub098", "\ub2e4"}},  // Hangul has spaces
      {"a\u2014b\u00a0c\u2026", {"a", "b", "c"}},
      {"\u20ac5 \u00a9 \U0001f600", {"5"}},
  });
}

TEST_CASE("words: ideographs and kana -> each pair of neighbours, or the one that stands alone",
          "[words]") {
  check_rows({
      {"\u6f22", {"\u6f22"}},
      {"\u6f22\u5b57", {"\u6f22\u5b57"}},
      {"\u65e5\u672c\u8a9e", {"\u65e5\u672c", "\u672c\u8a9e"}},
      {"\u6f22 \u5b57", {"\u6f22", "\u5b57"}},
      {"\u6f22\u3002\u5b57", {"\u6f22", "\u5b57"}},  // an ideographic full stop
      {"\u3072\u3089\u304c\u306a", {"\u3072\u3089", "\u3089\u304c", "\u304c\u306a"}},
      {"\u30c7\u30fc\u30bf", {"\u30c7\u30fc", "\u30fc\u30bf"}},  // with a long-vowel mark
      {"\u6f22abc\u5b57", {"\u6f22", "abc", "\u5b57"}},
      {"get\u6f22\u5b57Name", {"get", "\u6f22\u5b57", "name"}},
      {"\U00020000\U00020001", {"\U00020000\U00020001"}},  // of plane 2
      {"\u6f22_\u5b57", {"\u6f22", "\u5b57"}},
  });
}

TEST_CASE("words: ill-formed UTF-8 -> separates words and is in none", "[words]") {
  check_rows({
      {"\xff", {}},
      {"ab\xff"
       "cd",
       {"ab", "cd"}},
      {"ab\xc3", {"ab"}},
      {"\xc3"
       "Big",
       {"big"}},
      {"ab\xed\xa0\x80"
       "cd",
       {"ab", "cd"}},
      {"ab\xc0\x80"
       "cd",
       {"ab", "cd"}},
      {"\u6f22\xff\u5b57", {"\u6f22", "\u5b57"}},
      {"\xf4\x90\x80\x80"
       "x",
       {"x"}},
      {std::string("ab\0cd", 5), {"ab", "cd"}},
  });
}

TEST_CASE("words: an identifier of more than kMaxWordBytes -> its parts that are no longer",
          "[words]") {
  const std::string longest(kMaxWordBytes, 'a');
  CHECK(words_of(longest) == Words{longest});
  CHECK(words_of(longest + "a").empty());
  CHECK(words_of(longest + "Bc") == Words{longest, "bc"});
  CHECK(words_of(longest + "a_bc") == Words{"bc"});
  // Bytes count, not characters, and those of the word, not of the text.
  const std::string umlauts = repeated("\u00e4", kMaxWordBytes / 2);
  CHECK(words_of(umlauts) == Words{umlauts});
  CHECK(words_of(umlauts + "\u00e4").empty());
  CHECK(words_of(repeated("\u0130", kMaxWordBytes)) == Words{std::string(kMaxWordBytes, 'i')});
  CHECK(words_of(repeated("x", 1 << 20)).empty());
}

TEST_CASE("words: any text -> words that are UTF-8, short, in lower case and words themselves",
          "[words]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, random() % 60);
    for (const std::string& word : words_of(text)) {
      const Words again = words_of(word);
      const bool right = !word.empty() && word.size() <= kMaxWordBytes && is_utf8(word) &&
                         word.find_first_of(" '\\:,\t\n") == std::string::npos && !again.empty() &&
                         again.front() == word;
      if (!right) FAIL("the text '" << text << "' has the word '" << word << "'");
    }
  }
}

}  // namespace forkdex
