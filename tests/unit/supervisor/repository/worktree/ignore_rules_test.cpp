#include "supervisor/repository/worktree/ignore_rules.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

using forkdex::IgnoreFile;
using forkdex::IgnoreRules;

namespace {

bool ignored(const std::string& rules, const std::string& path, bool is_folder = false,
             bool fold_case = false) {
  return IgnoreFile(rules, fold_case).judge(path, is_folder) == IgnoreFile::Verdict::kIgnored;
}

}  // namespace

TEST_CASE("ignore rules: the last matching pattern decides, '!' takes back", "[ignore]") {
  CHECK(ignored("*.log\n", "a/b.log"));
  CHECK_FALSE(ignored("*.log\n!b.log\n", "a/b.log"));
  CHECK(ignored("!b.log\n*.log\n", "b.log"));
  CHECK(IgnoreFile("!b", false).judge("b", false) == IgnoreFile::Verdict::kKept);
  CHECK(IgnoreFile("a", false).judge("b", false) == IgnoreFile::Verdict::kSilent);
}

TEST_CASE("ignore rules: a slash anchors, a trailing one asks for a folder", "[ignore]") {
  CHECK(ignored("/a", "a"));
  CHECK_FALSE(ignored("/a", "b/a"));
  CHECK(ignored("b/a", "b/a"));
  CHECK_FALSE(ignored("b/a", "c/b/a"));
  CHECK(ignored("build/", "x/build", true));
  CHECK_FALSE(ignored("build/", "x/build", false));
  CHECK(ignored("a/**/z", "a/z"));
}

TEST_CASE("ignore rules: comments, escapes, spaces, carriage returns and a byte order mark",
          "[ignore]") {
  CHECK_FALSE(ignored("#a\n", "#a"));
  CHECK(ignored("\\#a\n", "#a"));
  CHECK(ignored("\\!a\n", "!a"));
  CHECK(ignored("a  \n", "a"));
  CHECK(ignored("a\\ \n", "a "));
  CHECK(ignored("a\\  \n", "a "));
  CHECK(ignored("a\t\n", "a\t"));
  CHECK(ignored("a\r\nb\r\n", "b"));
  CHECK(
      ignored("\xEF\xBB\xBF"
              "a",
              "a"));
  CHECK_FALSE(ignored("\n\r\n/\n!\n", "a", true));
  CHECK(ignored(std::string("a\0b\n", 4), "a"));
}

TEST_CASE("ignore rules: folds case only when told", "[ignore]") {
  CHECK_FALSE(ignored("README", "readme"));
  CHECK(ignored("README", "readme", false, true));
  CHECK(ignored("/Doc/*.MD", "doc/a.md", false, true));
  CHECK(ignored("*.O", "a.o", false, true));
}

TEST_CASE("ignore rules: a deeper file is stronger and speaks of its folder only", "[ignore]") {
  IgnoreRules rules(false);
  rules.push(0, "*.gen\n/top\n");
  CHECK(rules.ignored("src/a.gen", false));
  rules.push(4, "!a.gen\n/top\n");
  CHECK_FALSE(rules.ignored("src/a.gen", false));
  CHECK(rules.ignored("src/b.gen", false));
  CHECK(rules.ignored("src/top", false));
  CHECK_FALSE(rules.ignored("src/x/top", false));
  rules.pop();
  CHECK(rules.ignored("src/a.gen", false));
  CHECK_FALSE(rules.ignored("src/top", false));
}

TEST_CASE("ignore rules: a hostile file costs bounded time", "[ignore]") {
  std::string line;
  while (line.size() < 8000) line += "*a";
  const std::string deep(4000, 'a');
  const IgnoreFile file(line + "b\n" + std::string(IgnoreFile::kMaxBytes - 9000, '*'), false);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(file.judge(deep, false) == IgnoreFile::Verdict::kIgnored);  // a row of '*' is one
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}
