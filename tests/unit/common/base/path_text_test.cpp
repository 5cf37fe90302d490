#include "common/base/path_text.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "common/base/terminal_text.h"

using forkdex::display_path;
using forkdex::escape_path;
using forkdex::name_from_path;
using forkdex::unescape_path;

TEST_CASE("path text: valid UTF-8 stays, other bytes and backslashes are escaped", "[path_text]") {
  CHECK(escape_path("src/main.cpp") == "src/main.cpp");
  CHECK(escape_path("日本/é\n\"'") == "日本/é\n\"'");
  CHECK(escape_path("a\\b") == "a\\\\b");
  CHECK(escape_path("\xff") == "\\xff");
  CHECK(escape_path("caf\xe9/x") == "caf\\xe9/x");
  CHECK(escape_path("\xF0\x9F\x98\x80") == "\xF0\x9F\x98\x80");
}

TEST_CASE("path text: overlong forms, surrogates and values past U+10FFFF are bytes",
          "[path_text]") {
  CHECK(escape_path("\xC0\xAF") == "\\xc0\\xaf");
  CHECK(escape_path("\xE0\x9F\xBF") == "\\xe0\\x9f\\xbf");
  CHECK(escape_path("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  CHECK(escape_path("\xF4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(escape_path("\xE2\x82") == "\\xe2\\x82");  // cut off
  CHECK(escape_path("\xE2\x82"
                    "a") ==
        "\\xe2\\x82"
        "a");
}

TEST_CASE("path text: what a terminal would act on is escaped for display", "[path_text]") {
  CHECK(display_path("a\nb\x1b[31m\x7f") == "a\\x0ab\\x1b[31m\\x7f");
  CHECK(display_path("\xC2\x9B"
                     "é") ==
        "\\xc2\\x9b"
        "é");
}

TEST_CASE("path text: bidirectional marks, overrides and isolates -> escaped for display",
          "[path_text]") {
  CHECK(display_path("a\u202egnp.sh") == "a\\xe2\\x80\\xaegnp.sh");
  for (const std::string mark :
       {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    INFO(display_path(mark));
    CHECK(display_path(mark).starts_with("\\x"));
    CHECK(display_path(mark) == forkdex::printable(mark));
    CHECK(unescape_path(display_path(mark)) == mark);
    CHECK(escape_path(mark) == mark);
  }
  CHECK(display_path("\u202f\u2065\u206a\u200d") == "\u202f\u2065\u206a\u200d");
}

TEST_CASE("path text: unescape reverts both and refuses what neither writes", "[path_text]") {
  CHECK(unescape_path("\\xFF\\\\x41") == std::string("\xff\\x41"));
  for (const char* wrong : {"\\", "\\n", "\\x", "\\x4", "\\xg0", "a\\x4g"})
    CHECK_FALSE(unescape_path(wrong));
  std::mt19937 random(20);
  std::set<std::string> texts;
  std::set<std::string> names;
  for (int i = 0; i < 20000; ++i) {
    std::string name;
    for (auto left = random() % 6; left > 0; --left)
      name +=
          "\\x\xff\xc3\xa9"
          "4a\n\xe2\x82\xac"[random() % 11];
    CHECK(unescape_path(escape_path(name)) == name);
    CHECK(unescape_path(display_path(name)) == name);
    names.insert(name);
    texts.insert(escape_path(name));
  }
  CHECK(texts.size() == names.size());
}

TEST_CASE("path text: a folder's name -> a repository's, with its control characters escaped alone",
          "[path_text]") {
  CHECK(name_from_path("src") == "src");
  CHECK(name_from_path("a\nb\\c\xff") == "a\\x0ab\\\\c\\xff");
  CHECK(name_from_path("a\u202eb") == "a\u202eb");
  CHECK(name_from_path("\u0085") == "\\xc2\\x85");
}
