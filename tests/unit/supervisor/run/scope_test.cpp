#include "supervisor/run/scope.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "tests/support/temporary_folder.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

TEST_CASE("scope: a shard is a number of a count, and nothing else") {
  CHECK(Shard::parse("2/4") == Shard{2, 4});
  CHECK(Shard::parse("1/1") == Shard{1, 1});
  CHECK(Shard::parse("65536/65536").has_value());
  for (const char* text : {"", "/", "1", "0/4", "5/4", "1/0", "1/65537", "-1/2", " 1/2", "1/2 ",
                           "1/2/3", "a/b", "1//2"}) {
    INFO(text);
    CHECK_FALSE(Shard::parse(text).has_value());
  }
}

TEST_CASE("scope: every path is in exactly one shard, and each has its share") {
  constexpr std::uint32_t kCount = 7;
  std::vector<int> shares(kCount);
  for (int file = 0; file < 7000; ++file) {
    const std::string path = "src/file" + std::to_string(file) + ".py";
    int holders = 0;
    for (std::uint32_t number = 1; number <= kCount; ++number) {
      if (!Shard{number, kCount}.holds(path)) continue;
      ++holders;
      ++shares[number - 1];
    }
    CHECK(holders == 1);
  }
  // The share of a fair cut has a standard deviation of 29.
  for (const int share : shares) CHECK(std::abs(share - 1000) < 200);
  // The same on every machine, for ever: SHA-256("a.py") begins with f0de093a 8c24f6a3.
  CHECK(sha256("a.py")[0] == 0xf0);
  CHECK(Shard{static_cast<std::uint32_t>(0xf0de093a8c24f6a3ULL % 10) + 1, 10}.holds("a.py"));
}

TEST_CASE("scope: a list has a path a line, or a path a NUL") {
  CHECK(read_file_list("b.py\na.py\r\n\n./a.py\n././c d.py") == Strings{"a.py", "b.py", "c d.py"});
  CHECK(read_file_list(std::string_view("x\ny.py\0b\r\0\0a", 12)) ==
        Strings{"a", "b\r", "x\ny.py"});
  CHECK(read_file_list(".//a.py\n.///./b.py") == Strings{"a.py", "b.py"});
  CHECK(read_file_list("").empty());
}

TEST_CASE("scope: paths of a list lead into the repository, however they are written") {
  const test::TemporaryFolder folder;
  const auto settled = [&](const std::string& list) {
    folder.write("list", list);
    Settings settings;
    settings.files_from = folder / "list";
    auto scope = RunScope::open(settings);
    REQUIRE(scope.ok());
    auto done = scope->settle_in("/src/repo");
    if (!done) return done.error().text();
    Strings met;
    for (const char* path : {"a.py", "b/c.py", "..d.py", "e..py"})
      if (scope->holds(path)) met.emplace_back(path);
    CHECK(scope->unmet().count == 0);
    return std::to_string(met.size());
  };
  CHECK(settled("/src/repo/a.py\nb/../b/c.py\n..d.py\n/src/../src/repo/e..py\na.py\n") == "4");
  CHECK(settled("b//c.py\n././/a.py\n/src//repo/./..d.py\n./e..py\nb/./c.py\n") == "4");
  for (const char* outside :
       {"/src/repository/a.py", "/a.py", "../a.py", "b/../../a.py", "/src/repo/../a.py", ".."}) {
    INFO(outside);
    CHECK(settled(outside).find("--files-from names " + std::string(outside) +
                                ", which is not below /src/repo") == 0);
  }
}

TEST_CASE("scope: a path that reaches the repository through a link is one of it") {
  const test::TemporaryFolder folder;
  folder.write("home/repo/b/c.py", "");
  fs::create_symlink("home", folder / "link");
  fs::create_symlink("link/repo", folder / "again");
  fs::create_symlink("b", folder / "home/repo/inner");
  const fs::path root = fs::canonical(folder / "home/repo");
  const auto settled = [&](const fs::path& path) {
    folder.write("list", (folder / "link/repo/gone.py").string() + "\n" + path.string() + "\n");
    Settings settings;
    settings.files_from = folder / "list";
    auto scope = RunScope::open(settings);
    REQUIRE(scope.ok());
    auto done = scope->settle_in(root);
    return !done ? done.error().text() : scope->holds("b/c.py") ? "met" : "not met";
  };
  CHECK(settled(folder / "home/repo/b/c.py") == "met");
  CHECK(settled(folder / "link/repo/b/c.py") == "met");
  CHECK(settled(folder / "again/b/c.py") == "met");
  CHECK(settled(folder / "again/../again//b/c.py") == "met");
  // A link inside is a file of its own, not what it leads to.
  CHECK(settled(folder / "link/repo/inner/c.py") == "not met");
  CHECK(settled(folder / "link/b/c.py").find("which is not below") != std::string::npos);
  CHECK(settled(folder / "link/repo").find("which is not below") != std::string::npos);
}

TEST_CASE("scope: what of the list was never met is told, a few by name") {
  const test::TemporaryFolder folder;
  folder.write("list", "a.py\ngone1\ngone2\ngone3\ngone4\n");
  Settings settings;
  settings.files_from = folder / "list";
  auto scope = RunScope::open(settings);
  REQUIRE(scope.ok());
  CHECK_FALSE(scope->whole());
  CHECK(scope->holds("a.py"));
  CHECK_FALSE(scope->holds("b.py"));
  CHECK(scope->unmet().count == 4);
  CHECK(scope->unmet().some == Strings{"gone1", "gone2", "gone3"});
  settings.files_from = folder / "nowhere";
  const auto refused = RunScope::open(settings);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUsage);
  CHECK(refused.error().text().find("nowhere") != std::string::npos);
}

}  // namespace
}  // namespace forkdex
