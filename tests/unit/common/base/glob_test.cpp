#include "common/base/glob.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

using forkdex::glob_match;
using forkdex::is_glob;
using forkdex::wildmatch;

TEST_CASE("glob: an asterisk stays in its folder, two cross folders", "[glob]") {
  CHECK(wildmatch("*.c", "a.c"));
  CHECK_FALSE(wildmatch("*.c", "d/a.c"));
  CHECK(wildmatch("d/*/x", "d/a/x"));
  CHECK_FALSE(wildmatch("d/*/x", "d/a/b/x"));
  CHECK(wildmatch("d/**/x", "d/x"));
  CHECK(wildmatch("d/**/x", "d/a/b/x"));
  CHECK_FALSE(wildmatch("d/**/x", "dx"));
  CHECK(wildmatch("**/x", "x"));
  CHECK(wildmatch("**/x", "a/b/x"));
  CHECK_FALSE(wildmatch("**/x", "ax"));
  CHECK(wildmatch("d/**", "d/a/b"));
  CHECK_FALSE(wildmatch("d/**", "d"));
  CHECK(wildmatch("**", "a/b"));
  CHECK_FALSE(wildmatch("a**b", "a/b"));  // not between slashes: as one asterisk
  CHECK_FALSE(wildmatch("?", "/"));
  CHECK_FALSE(wildmatch("[!a]", "/"));
}

TEST_CASE("glob: sets hold ranges, named classes, escapes and a first bracket", "[glob]") {
  CHECK(wildmatch("[a-cx]", "b"));
  CHECK(wildmatch("[a-cx]", "x"));
  CHECK_FALSE(wildmatch("[!a-cx]", "x"));
  CHECK(wildmatch("[^a]", "b"));
  CHECK(wildmatch("[]a]", "]"));
  CHECK(wildmatch("[!]a]", "b"));
  CHECK(wildmatch("[a-]", "-"));
  CHECK(wildmatch("[\\]]", "]"));
  CHECK(wildmatch("[[:digit:][:upper:]]", "Q"));
  CHECK_FALSE(wildmatch("[[:digit:][:upper:]]", "q"));
  CHECK(wildmatch("[[:upper:]]", "q", true));
  CHECK(wildmatch("[[:x]", ":"));
  for (const char* malformed : {"[", "[a", "[a-", "[[:nothing:]]", "[[:alpha:", "a\\", "[\\"})
    for (const char* text : {"", "a", "[", "[a", "\\"}) CHECK_FALSE(wildmatch(malformed, text));
}

TEST_CASE("glob: a backslash makes the next byte plain", "[glob]") {
  CHECK(wildmatch("\\*", "*"));
  CHECK_FALSE(wildmatch("\\*", "a"));
  CHECK(wildmatch("a\\b", "ab"));
  CHECK(wildmatch("A?", "aB", true));
  CHECK_FALSE(wildmatch("A?", "aB"));
}

TEST_CASE("glob: time is bounded for patterns that make backtracking explode", "[glob]") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  const std::string many(4000, 'a');
  std::string folders;
  std::string across;
  for (int i = 0; i < 200; ++i) across += "**/a*/";
  for (int i = 0; i < 1000; ++i) folders += "aaa/";
  std::string classes = "[";
  for (int i = 0; i < 2'000'000; ++i) classes += "[:";
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(wildmatch(pattern + "b", many));
  CHECK(wildmatch(pattern, many));
  CHECK_FALSE(wildmatch(across + "b", folders + "a"));
  CHECK(wildmatch(across + "a", folders + "a"));
  CHECK(wildmatch(classes + "x]", "x"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("glob: what can match nothing is no glob", "[glob]") {
  CHECK(is_glob("src/**/[]a-z]*.ts"));
  CHECK(is_glob("\\["));
  CHECK(is_glob("a]"));
  CHECK(is_glob("[[:alpha:]]"));
  CHECK_FALSE(is_glob("["));
  CHECK_FALSE(is_glob("a/[b/"));
  CHECK_FALSE(is_glob("[[:letter:]]"));
  CHECK_FALSE(is_glob("a\\"));
}

TEST_CASE("glob_match: compares base names without a slash, else paths from the root", "[glob]") {
  CHECK(glob_match("*.ts", "src/deep/a.ts"));
  CHECK_FALSE(glob_match("*.ts", "src/a.tsx"));
  CHECK(glob_match("src/*.ts", "src/a.ts"));
  CHECK_FALSE(glob_match("src/*.ts", "lib/src/a.ts"));
  CHECK(glob_match("/a.ts", "a.ts"));
  CHECK_FALSE(glob_match("/a.ts", "src/a.ts"));
  CHECK(glob_match("**/test/**", "a/test/b.c"));
  CHECK(glob_match("caf\xe9*", "caf\xe9.txt"));
}

TEST_CASE("glob_match: a folder's name stands for all below it", "[glob]") {
  CHECK(glob_match("vendor", "lib/vendor/a/b.c"));
  CHECK(glob_match("vendor/", "lib/vendor/a.c"));
  CHECK_FALSE(glob_match("vendor/", "lib/vendor"));
  CHECK(glob_match("/lib", "lib/vendor/a.c"));
  CHECK_FALSE(glob_match("/vendor", "lib/vendor/a.c"));
  CHECK(glob_match("src/**/gen", "src/a/b/gen/x.c"));
  CHECK_FALSE(glob_match("", "a"));
}
