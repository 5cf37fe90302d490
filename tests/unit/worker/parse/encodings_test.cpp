// What a file says of its own encoding, and what becomes of it. tests/oracle/encoding_oracle.py
// compares every encoding with Python's codecs.

#include "worker/parse/encodings.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

#include "tests/unit/worker/parse/chunker_fixture.h"
#include "worker/parse/declared_encoding.h"
#include "worker/parse/decode.h"

using namespace forkdex;
using namespace std::string_literals;
using test::only;
using test::parsed;

namespace {

struct Read {
  std::string text;
  std::string detail;
  bool operator==(const Read&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Read& read) {
  return out << '"' << read.text << "\" (" << read.detail << ")";
}

Read read_as(std::string_view language, const std::string& bytes) {
  const auto decoded = decode(bytes, language);
  REQUIRE(decoded.ok());
  return {std::string(decoded->text()), std::string(decoded->detail())};
}

std::string label_in(std::string_view language, std::string_view bytes) {
  return std::string(declared_encoding(bytes, language).value_or("none"));
}

}  // namespace

TEST_CASE("encoding: Python declares it by a comment in one of the first two lines", "[parse]") {
  CHECK(label_in("python", "# -*- coding: shift_jis -*-\n") == "shift_jis");
  CHECK(label_in("python", "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n") == "cp1252");
  CHECK(label_in("python", " \t\f# coding:\tkoi8-r") == "koi8-r");
  CHECK(label_in("python", "\r\n#encoding=euc-kr\r\n") == "euc-kr");
  CHECK(label_in("python", "# a\r# coding: gbk\r") == "gbk");
  CHECK(label_in("python", "# a coding without, coding: big5\n") == "big5");
  CHECK(label_in("python", "# 1\n# 2\n# coding: gbk\n") == "none");
  CHECK(label_in("python", "import os\n# coding: gbk\n") == "none");
  CHECK(label_in("python", "x = 1 # coding: gbk\n") == "none");
  CHECK(label_in("python", "# coding : gbk\n") == "none");
  CHECK(label_in("javascript", "# coding: gbk\n") == "none");
}

TEST_CASE("encoding: XML, HTML and CSS declare it in their own ways", "[parse]") {
  CHECK(label_in("xml", "<?xml version='1.0' encoding='koi8-r'?>") == "koi8-r");
  CHECK(label_in("xml", "<?xml version=\"1.0\" encoding = \"GBK\" ?><a/>") == "GBK");
  CHECK(label_in("xml", "<a encoding='koi8-r'/>") == "none");
  CHECK(label_in("xml", "<?xml version='1.0'?><a encoding='koi8-r'/>") == "none");
  CHECK(label_in("html", "<!DOCTYPE html><html><META CharSet=windows-1251>") == "windows-1251");
  CHECK(
      label_in("html", "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=big5\">") ==
      "big5");
  CHECK(label_in("html", "<!-- <meta charset=gbk> --><meta charset='euc-jp'/>") == "euc-jp");
  CHECK(label_in("html", "<?xml version='1.0' encoding='cp1250'?><html>") == "cp1250");
  CHECK(label_in("html", "<p>charset=gbk</p>") == "none");
  CHECK(label_in("html", std::string(1024, ' ') + "<meta charset=gbk>") == "none");
  CHECK(label_in("css", "@charset \"iso-8859-15\";") == "iso-8859-15");
  CHECK(label_in("scss", "@charset 'cp1252';") == "cp1252");
  CHECK(label_in("css", "a {}\n@charset \"gbk\";") == "none");
}

TEST_CASE("encoding: a label is found by each of Python's names for it", "[parse]") {
  const auto name_of = [](std::string_view label) {
    const Encoding* encoding = encoding_named(label);
    return encoding ? std::string(encoding->name) : "none";
  };
  for (const char* label : {"latin-1", "LATIN1", "iso-8859-1", "ISO_8859-1", "iso8859", "l1",
                            "8859", "iso-8859-1-unix"})
    CHECK(name_of(label) == "ISO-8859-1");
  for (const char* label : {"utf-8", "UTF8", "utf_8", "utf-8-sig", "U8", "cp65001", "utf-8-unix"})
    CHECK(name_of(label) == "UTF-8");
  CHECK(name_of("sjis") == "SJIS");
  CHECK(name_of("MS932") == "CP932");
  CHECK(name_of("ks_c-5601-1987") == "EUC-KR");
  CHECK(name_of("windows-1251") == "CP1251");
  for (const char* label : {"", "-", "mbcs", "rot13", "utf-16", "coding", "cp", "1252 1251"})
    CHECK(name_of(label) == "none");
  CHECK(web_encoding_named("latin1")->name == "CP1252");
  CHECK(web_encoding_named("shift_jis")->name == "CP932");
  CHECK(web_encoding_named("koi8-r")->name == "KOI8-R");
}

TEST_CASE("encoding: what a file declares is how it is read", "[parse]") {
  CHECK(read_as("python", "# coding: koi8-r\n'\xF3\xD5'") ==
        Read{"# coding: koi8-r\n'\u0421\u0443'", "decoded as KOI8-R"});
  CHECK(read_as("python", "# coding: sjis\n'\x95\x5C\\~'") ==
        Read{"# coding: sjis\n'\u8868\\~'", "decoded as SJIS"});
  CHECK(read_as("python", "# coding: latin-1\n'\xE9'") ==
        Read{"# coding: latin-1\n'\u00e9'", "decoded as Latin-1"});
  CHECK(read_as("python", "# coding: iso2022_jp\n'\x1b$B$\"\x1b(B'") ==
        Read{"# coding: iso2022_jp\n'\u3042'", "decoded as ISO-2022-JP"});
  CHECK(read_as("css", "@charset \"latin1\"; a{content:'\x93'}") ==
        Read{"@charset \"latin1\"; a{content:'\u201c'}", "decoded as CP1252"});
  CHECK(read_as("python", "# coding: gbk\nx\n") == Read{"# coding: gbk\nx\n", ""});
  CHECK(read_as("python", "# coding: utf-8\n'\u00e9'\n") ==
        Read{"# coding: utf-8\n'\u00e9'\n", ""});
}

TEST_CASE("encoding: a declaration that is not true is said, and the text is read otherwise",
          "[parse]") {
  CHECK(read_as("python", "# coding: mbcs\n'\xE9'") ==
        Read{"# coding: mbcs\n'\u00e9'",
             "declares mbcs, which is not known here; decoded as Latin-1"});
  CHECK(read_as("python", "# coding: ascii\n'\u00e9'") ==
        Read{"# coding: ascii\n'\u00e9'", "declares ascii, which it is not"});
  CHECK(read_as("python", "# coding: euc-kr\n'\u65e5\u672c'") ==
        Read{"# coding: euc-kr\n'\u65e5\u672c'", "declares euc-kr, which it is not"});
  CHECK(read_as("python", "\xEF\xBB\xBF# coding: gbk\n'\u00e9'") ==
        Read{"# coding: gbk\n'\u00e9'", "declares gbk, and its byte order mark says UTF-8"});
  CHECK(read_as("python", "# coding: cp1252\n'\x93\x94\x81'") ==
        Read{"# coding: cp1252\n'\u201c\u201d\uFFFD'",
             "decoded as CP1252; 1 byte that is not CP1252 and became U+FFFD"});
}

TEST_CASE("encoding: UTF-8 with a few other bytes stays UTF-8", "[parse]") {
  CHECK(read_as("",
                "Z\u00e4hlt Gr\u00f6\xDF"
                "e") == Read{"Z\u00e4hlt Gr\u00f6\uFFFD"
                             "e",
                             "1 byte that is not UTF-8 and became U+FFFD"});
  CHECK(read_as("", "caf\u00e9 \xED\xA0\xBD\xED\xB8\x80").text ==
        "caf\u00e9 \uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");  // CESU-8
  CHECK(read_as("", "\u65e5\xE6\x9C") ==
        Read{"\u65e5\uFFFD", "2 bytes that are not UTF-8 and became U+FFFD"});  // cut off
  CHECK(read_as("", "a\xE6\x9C").text == "a\uFFFD");
  CHECK(read_as("", "\xEF\xBB\xBFx\xFF").text == "x\uFFFD");
  CHECK(read_as("python", "# coding: utf8\n'\xE9'").text == "# coding: utf8\n'\uFFFD'");
  // As many other bytes as characters: it is not UTF-8.
  CHECK(read_as("", "\u00e9 \xE9t\xE9").detail == "decoded as Latin-1");
  CHECK(read_as("", "caf\xE9").detail == "decoded as Latin-1");
}

TEST_CASE("encoding: places lead back to their bytes whatever a character takes", "[parse]") {
  std::string bytes = "# coding: gbk\n";
  for (int i = 0; i < 3000; ++i) bytes += "\xC4\xE3 x" + std::to_string(i) + "\n";
  bytes += "def last():\n    '\xBA\xC3'\n    return 1\n";
  const auto decoded = decode(bytes, "python");
  REQUIRE(decoded.ok());
  const std::string_view text = decoded->text();
  for (const char* word : {"x0\n", "x1234\n", "x2999\n", "def last"})
    CHECK(decoded->disk_offset(text.find(word)) == bytes.find(word));
  CHECK(decoded->disk_offset(text.size()) == bytes.size());
  const Chunk last = only("a.py", bytes, "last");
  CHECK(last.docstring == "\u597d");
  CHECK(bytes.substr(last.start_byte, last.end_byte - last.start_byte).ends_with("return 1"));
  CHECK(bytes.substr(last.start_byte).starts_with("def last"));
}

TEST_CASE("encoding: a character that hides a backslash loses no definition", "[parse]") {
  CHECK(test::outline("a.py",
                      "# coding: big5\ndef price(x):\n    label = '\xA5\x5C'\n    return x\n\n\n"
                      "def last_price(x):\n    return x\n") ==
        "module 1-1 @1\nfunction price 2-4 @2\nfunction last_price 7-8 @7\n");
  CHECK(parsed("a.py", "# coding: euc-kr\ndef f():\n    '\xB0\xE8'\n").chunks.back().docstring ==
        "\uacc4");
}
