// Which files of a folder are indexed, under which paths, and that nothing in it is touched.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr const char* kText = "def f():\n    return 1\n";

void git(const fs::path& folder, std::vector<std::string> arguments) {
  Command command;
  command.arguments = {"/usr/bin/git", "-C", folder.string(),           "-c",
                       "user.name=t",  "-c", "user.email=t@example.org"};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  const Ended ended = run(command);
  INFO(ended.text());
  REQUIRE(ended.status == 0);
}

/// The paths in `state`, or all with "%".
Strings paths(const Database& database, const std::string& state = "%") {
  Strings found;
  for (const Row& row : database.rows("SELECT path FROM forkdex.files WHERE state LIKE '" + state +
                                      "' ORDER BY path COLLATE \"C\"")) {
    found.push_back(row[0]);
  }
  return found;
}

/// Every file's size, times and inode: what an untouched folder keeps.
std::map<std::string, std::string> fingerprint(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat info = {};
    REQUIRE(::lstat(entry.path().c_str(), &info) == 0);
    all[entry.path().string()] =
        std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
        std::to_string(info.st_mtim.tv_nsec) + " " + std::to_string(info.st_ctim.tv_sec) + "." +
        std::to_string(info.st_ctim.tv_nsec) + " " + std::to_string(info.st_ino);
  }
  return all;
}

IndexRun index_well(const fs::path& root, const Database& database, const Strings& options = {}) {
  IndexRun run = index(root, database, options);
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(contradictions(run.report, database) == Strings());
  return run;
}

TEST_CASE("listing: a git work tree gives what is tracked or would be, and stays untouched") {
  const TemporaryFolder tree;
  tree.write(".gitignore", "*.log\n/out/\n");
  tree.write("tracked.py", kText);
  tree.write("forced.log", kText);
  tree.write("src/deep/one.py", kText);
  git(tree.path(), {"init", "-q"});
  git(tree.path(), {"add", "-f", "."});
  git(tree.path(), {"commit", "-q", "-m", "first"});
  tree.write("untracked.py", kText);
  tree.write("noise.log", kText);
  tree.write("out/built.py", kText);
  const auto before = fingerprint(tree.path());
  const Database database;
  const IndexRun run = index_well(tree.path(), database);
  CHECK(paths(database) ==
        Strings{".gitignore", "forced.log", "src/deep/one.py", "tracked.py", "untracked.py"});
  CHECK(run.report.at("head").get<std::string>().size() == 40);
  CHECK(fingerprint(tree.path()) == before);
}

TEST_CASE("listing: a path inside a work tree is the root, under the rules above it") {
  const TemporaryFolder tree;
  tree.write(".gitignore", "*.log\nvendor/\n");
  tree.write("src/one.py", kText);
  tree.write("src/noise.log", kText);
  tree.write("vendor/.gitignore", "skipped.py\n");
  tree.write("vendor/two.py", kText);
  tree.write("vendor/skipped.py", kText);
  git(tree.path(), {"init", "-q"});
  const Database inside;
  index_well(tree / "src", inside);
  CHECK(paths(inside) == Strings{"one.py"});
  const Database ignored;  // walked as a plain folder, with the rules at and below it
  index_well(tree / "vendor", ignored);
  CHECK(paths(ignored) == Strings{".gitignore", "two.py"});
}

TEST_CASE("listing: a plain folder obeys its ignore files") {
  const TemporaryFolder tree;
  tree.write(".gitignore", "*.tmp\n!kept.tmp\nbuild/\n");
  tree.write("a.py", kText);
  tree.write("b.tmp", kText);
  tree.write("kept.tmp", kText);
  tree.write("build/c.py", kText);
  tree.write("sub/.gitignore", "/local.py\n");
  tree.write("sub/local.py", kText);
  tree.write("sub/deep/local.py", kText);
  const Database database;
  index_well(tree.path(), database);
  CHECK(paths(database) ==
        Strings{".gitignore", "a.py", "kept.tmp", "sub/.gitignore", "sub/deep/local.py"});
}

TEST_CASE("listing: no link leads out of the root, and what is no regular file is skipped") {
  const TemporaryFolder outside;
  outside.write("secret.py", "def secret():\n    return 'outside'\n");
  const TemporaryFolder tree;
  tree.write("real.py", kText);
  fs::create_symlink(outside / "secret.py", tree / "link.py");
  fs::create_directory_symlink(outside.path(), tree / "folder");
  fs::create_symlink(tree / "real.py", tree / "inner.py");
  fs::create_directory_symlink(tree.path(), tree / "loop");
  REQUIRE(::mkfifo((tree / "pipe.py").c_str(), 0600) == 0);
  const Database database;
  index_well(tree.path(), database);
  CHECK(paths(database, "indexed") == Strings{"real.py"});
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE source LIKE '%outside%'") == "0");
}

TEST_CASE("listing: another owner's repository is read, without running anything it configures") {
  const TemporaryFolder tree;
  tree.write("one.py", kText);
  git(tree.path(), {"init", "-q"});
  const fs::path ran = tree / "ran";
  git(tree.path(), {"config", "core.fsmonitor", "touch " + ran.string()});
  git(tree.path(), {"config", "core.hooksPath", tree.path().string()});
  if (::geteuid() == 0) {
    REQUIRE(::chown(tree.path().c_str(), 65534, 65534) == 0);
    REQUIRE(::chown((tree / ".git").c_str(), 65534, 65534) == 0);
  }
  const Database database;
  index_well(tree.path(), database);
  CHECK(paths(database) == Strings{"one.py"});
  CHECK_FALSE(fs::exists(ran));
}

TEST_CASE("listing: any file name is a path, escaped where it is not UTF-8") {
  const TemporaryFolder tree;
  tree.write("caf\xE9.py", kText);
  tree.write("back\\slash.py", kText);
  tree.write("new\nline.py", kText);
  tree.write("quo'te\".py", kText);
  tree.write("漢字 🎉.py", kText);
  tree.write(" spaced .py", kText);
  tree.write("-dash.py", kText);
  fs::path deep;  // long paths fit no btree key
  for (int i = 0; i < 15; ++i) deep /= std::string(200, static_cast<char>('a' + i));
  tree.write(deep / "end.py", kText);
  const Database database;
  const IndexRun first = index_well(tree.path(), database);
  CHECK(files_in(first.report, "indexed") == 8);
  const Strings found = paths(database, "indexed");
  for (const std::string& name :
       {std::string("caf\\xe9.py"), std::string("back\\\\slash.py"), std::string("quo'te\".py"),
        std::string("漢字 🎉.py"), std::string(" spaced .py"), std::string("-dash.py"),
        (deep / "end.py").string()}) {
    CAPTURE(name);
    CHECK(std::count(found.begin(), found.end(), name) == 1);
  }
  const IndexRun second = index_well(tree.path(), database);
  CHECK(files_in(second.report, "unchanged") == 8);
}

}  // namespace
}  // namespace forkdex::test
