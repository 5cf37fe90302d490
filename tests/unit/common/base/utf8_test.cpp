#include "common/base/utf8.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace forkdex;

namespace {

std::string encoded(char32_t code_point) {
  std::string text;
  append_utf8(code_point, text);
  return text;
}

}  // namespace

TEST_CASE("utf8: every code point -> its bytes, and back", "[utf8]") {
  std::size_t wrong = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;  // surrogates are no characters
    const std::string text = encoded(c);
    const std::size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    const Utf8Character first = first_character(text);
    if (text.size() != bytes || !first.valid || first.code_point != c || first.bytes != bytes ||
        utf8_sequence(text + "x") != bytes || !is_utf8(text))
      ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(encoded(U'\u00e9') == "\xC3\xA9");
  CHECK(encoded(U'\u4e2d') == "\xE4\xB8\xAD");
  CHECK(encoded(U'\U0001F600') == "\xF0\x9F\x98\x80");
}

TEST_CASE("utf8: surrogates, overlong forms and values past U+10FFFF -> not UTF-8", "[utf8]") {
  for (const char* text : {"\xED\xA0\x80", "\xED\xBF\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80",
                           "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\x80", "\xBF"}) {
    CAPTURE(text);
    CHECK_FALSE(is_utf8(text));
    CHECK(utf8_sequence(text) == 0);
    CHECK_FALSE(first_character(text).valid);
  }
  CHECK(utf8_sequence("") == 0);
  CHECK(is_utf8(""));
}

// The examples of the Unicode Standard 15.0, tables 3-8 to 3-11.
TEST_CASE("utf8: ill-formed bytes -> one U+FFFD for each maximal part", "[utf8]") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(to_valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") ==
        r + r + r + r + r + r + r + r + "A");
  CHECK(to_valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") ==
        r + r + r + r + r + r + r + r + "A");
  CHECK(to_valid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") ==
        r + r + r + r + r + "A" + r + r + "B");
  CHECK(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == r + r + r + r + "A");
}

TEST_CASE("utf8: one wrong byte anywhere in long ASCII -> not UTF-8", "[utf8]") {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'a');
    CHECK(is_utf8(text));
    text[at] = '\x80';
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("utf8: a cut inside a character -> the text before it", "[utf8]") {
  const std::string text =
      "a\xE4\xB8\xAD"
      "b";
  CHECK(capped(text, 10) == text);
  CHECK(capped(text, 4) == "a\xE4\xB8\xAD");
  CHECK(capped(text, 3) == "a");
  CHECK(capped("\xF0\x9F\x98\x80", 3).empty());
  CHECK(code_point_border(text, 2) == 1);
  CHECK(code_point_border(text, 99) == text.size());
}
