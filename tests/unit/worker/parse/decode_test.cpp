#include "worker/parse/decode.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

#include "common/base/utf8.h"

using namespace forkdex;
using namespace std::string_literals;

namespace {

/// UTF-16 with byte order mark, written independently of the decoder.
std::string utf16(std::u16string_view units, bool little_endian) {
  std::string bytes;
  const auto put = [&](char16_t unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xFF);
    bytes += little_endian ? low : high;
    bytes += little_endian ? high : low;
  };
  put(u'\uFEFF');
  for (const char16_t unit : units) put(unit);
  return bytes;
}

ErrorCode error_of(const std::string& bytes) {
  const auto decoded = decode(bytes);
  REQUIRE_FALSE(decoded.ok());
  return decoded.error().code;
}

bool is_utf8(const std::string& bytes) { return decode(bytes)->detail().empty(); }

}  // namespace

TEST_CASE("decode: UTF-8 is taken as it is, its byte order mark left out", "[parse]") {
  const std::string plain = "a\r\n\u00e9 \u4e2d \U0001F600";
  const auto decoded = decode(plain);
  REQUIRE(decoded.ok());
  CHECK(decoded->text() == plain);
  CHECK(decoded->text().data() == plain.data());  // borrowed
  CHECK(decoded->detail().empty());
  CHECK(decoded->disk_offset(plain.size()) == plain.size());

  const std::string marked = "\xEF\xBB\xBF" + plain;
  const auto with_mark = decode(marked);
  REQUIRE(with_mark.ok());
  CHECK(with_mark->text() == plain);
  CHECK(with_mark->disk_offset(0) == 3);
  CHECK(with_mark->disk_offset(plain.size()) == marked.size());
}

TEST_CASE("decode: a file of nothing or of a byte order mark has no text", "[parse]") {
  for (const std::string bytes : {"", "\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"}) {
    const auto decoded = decode(bytes);
    REQUIRE(decoded.ok());
    CHECK(decoded->text().empty());
    CHECK(decoded->disk_offset(0) == bytes.size());
  }
}

TEST_CASE("decode: UTF-16 in either order, surrogate pairs included", "[parse]") {
  const std::u16string units = u"x = '\u00e9\u4e2d\U0001F600'\r\ny";
  const std::string text = "x = '\u00e9\u4e2d\U0001F600'\r\ny";
  for (const bool little_endian : {true, false}) {
    const std::string bytes = utf16(units, little_endian);
    const auto decoded = decode(bytes);
    REQUIRE(decoded.ok());
    CHECK(decoded->text() == text);
    CHECK(decoded->detail() == "decoded as UTF-16");
    CHECK(decoded->disk_offset(0) == 2);
    CHECK(decoded->disk_offset(text.find("\U0001F600")) == 2 + 2 * 7);
    CHECK(decoded->disk_offset(text.rfind('\'')) == 2 + 2 * 9);
    CHECK(decoded->disk_offset(text.size()) == bytes.size());
  }
}

TEST_CASE("decode: declared UTF-16 that is not UTF-16 is refused", "[parse]") {
  CHECK(error_of("\xFF\xFE"s + "a") == ErrorCode::kBadEncoding);             // half a unit
  CHECK(error_of(utf16(u"a\xD800", true)) == ErrorCode::kBadEncoding);       // high at the end
  CHECK(error_of(utf16(u"\xD800x", false)) == ErrorCode::kBadEncoding);      // high alone
  CHECK(error_of(utf16(u"\xDC00\xD800", true)) == ErrorCode::kBadEncoding);  // low first
}

TEST_CASE("decode: NUL makes a file binary", "[parse]") {
  CHECK(error_of("text\0more"s) == ErrorCode::kBinaryFile);
  CHECK(error_of("\xEF\xBB\xBF\0"s) == ErrorCode::kBinaryFile);
  CHECK(error_of("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s) == ErrorCode::kBinaryFile);
  CHECK(error_of(utf16(u"a\0b"s, true)) == ErrorCode::kBinaryFile);
  CHECK(error_of("\xFF\xFE\0\0a\0\0\0"s) == ErrorCode::kBinaryFile);  // UTF-32
}

TEST_CASE("decode: what is not UTF-8 is Latin-1 and says so", "[parse]") {
  const std::string bytes = "caf\xE9 = 1\n\x80\xFF";
  const auto decoded = decode(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->text() == "caf\u00e9 = 1\n\u0080\u00ff");
  CHECK(decoded->detail() == "decoded as Latin-1");
  CHECK(decoded->disk_offset(3) == 3);
  CHECK(decoded->disk_offset(5) == 4);
  CHECK(decoded->disk_offset(decoded->text().size()) == bytes.size());
}

TEST_CASE("decode: only well-formed UTF-8 counts as UTF-8", "[parse]") {
  // Around each border of the table of well-formed sequences (Unicode, table 3-7).
  for (const std::string good :
       {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(is_utf8(good));
    CHECK(is_utf8("padding padding " + good + " padding"));
  }
  for (const std::string bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x7F", "\xE0\x9F\xBF", "\xE1\x80",
        "\xED\xA0\x80", "\xEF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xF0\x90\x80", "\xFE", "\xFF"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK_FALSE(is_utf8("padding padding " + bad + " padding"));
    CHECK_FALSE(is_utf8("padding padding " + bad));
  }
}

TEST_CASE("decode: places in a long text lead back to their bytes", "[parse]") {
  const std::uint32_t seed = 20251;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::u16string units;
  std::string latin1 = "\x80";
  while (units.size() < 50'000) {
    const auto pick = random() % 4;
    if (pick == 0) units += u"\U0001F680";
    if (pick == 1) units += u'\u4e2d';
    if (pick == 2) units += u'\u00e9';
    if (pick == 3) units += u'a';
    latin1 += static_cast<char>(1 + random() % 255);
  }
  for (const std::string& bytes : {utf16(units, true), utf16(units, false), latin1}) {
    const auto decoded = decode(bytes);
    REQUIRE(decoded.ok());
    const std::string_view text = decoded->text();
    for (int i = 0; i < 300; ++i) {
      // The decoded tail is the tail decoded.
      const std::size_t at = code_point_border(text, random() % text.size());
      std::string tail = bytes.substr(decoded->disk_offset(at));
      tail = (bytes == latin1 ? "\x80" : bytes.substr(0, 2)) + tail;
      const auto again = decode(tail);
      REQUIRE(again.ok());
      const std::size_t extra = bytes == latin1 ? 2 : 0;  // U+0080 in UTF-8
      REQUIRE(again->text().substr(extra) == text.substr(at));
    }
  }
}

TEST_CASE("decode: a text is capped at a code point", "[parse]") {
  CHECK(capped("a\u4e2db", 10) == "a\u4e2db");
  CHECK(capped("a\u4e2db", 4) == "a\u4e2d");
  CHECK(capped("a\u4e2db", 3) == "a");
  CHECK(capped("\U0001F600", 3).empty());
  CHECK(capped("", 0).empty());
}
