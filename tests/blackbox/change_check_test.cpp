// What has not changed is recognised without being opened, and what has changed is read.

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr int kFolders = 20;
constexpr int kFilesAFolder = 25;
constexpr int kFiles = kFolders * kFilesAFolder;

/// 500 files of one function each.
void write_files(const TemporaryFolder& tree) {
  for (int folder = 0; folder < kFolders; ++folder)
    for (int file = 0; file < kFilesAFolder; ++file) {
      const std::string n = std::to_string(folder) + "_" + std::to_string(file);
      tree.write("p" + std::to_string(folder) + "/m" + n + ".py",
                 "def f" + n + "():\n    return " + n + "\n");
    }
}

/// Has git's index written after every file of the tree, as it is once a little time has passed.
void age_index(const fs::path& tree) {
  let_time_pass();
  fs::last_write_time(tree / ".git/index", fs::file_time_type::clock::now());
}

IndexRun index_well(const fs::path& root, const Database& database) {
  IndexRun run = index(root, database, {"--workers", "1", "--repository", "r"});
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(contradictions(run.report, database) == Strings());
  return run;
}

int number(const IndexRun& run, const std::string& object, const std::string& key) {
  return run.report.at(object).at(key).get<int>();
}

/// Gives every file of `tree` another inode and other times; with `.git`, other than its index
/// says.
void renew_inodes(const fs::path& tree) {
  const fs::path aside = tree.string() + ".aside";
  fs::rename(tree, aside);
  fs::copy(aside, tree, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  fs::remove_all(aside);
  let_time_pass();
}

struct Traced {
  IndexRun run;
  std::set<std::string> opened;  ///< below the root, folders, .git and rules left out
  int programs = 0;              ///< started
};

/// Whether a process may be traced here at all: a container's filter, say, may refuse it.
bool may_trace() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Whether there is strace. It is no excuse that nobody has installed it.
bool can_trace() {
  if (!may_trace()) return false;
  Command command;
  command.arguments = {"/usr/bin/strace", "-o", "/dev/null", "/bin/true"};
  INFO("strace is missing, or does not work here: deploy/setup --tests installs it");
  REQUIRE(fs::exists(command.arguments.front()));
  const Ended ended = run(command);
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  return true;
}

/// Runs `supervisor index` under strace.
Traced trace_index(const fs::path& root, const Database& database) {
  const TemporaryFolder folder;
  const fs::path report = folder / "report.json";
  Command command = index_command(root, database, report, {"--workers", "1", "--repository", "r"});
  command.arguments.front() = program_path(command.arguments.front()).string();
  const Strings strace = {"/usr/bin/strace",
                          "-f",
                          "-y",
                          "-qq",
                          "-s",
                          "4096",
                          "-e",
                          "trace=open,openat,openat2,execve,execveat",
                          "-o",
                          folder / "trace"};
  command.arguments.insert(command.arguments.begin(), strace.begin(), strace.end());
  Traced traced;
  traced.run.ended = run(command);
  INFO(traced.run.ended.text());
  REQUIRE(traced.run.ended.status == 0);
  traced.run.report = nlohmann::json::parse(read_file(report));
  std::istringstream lines(read_file(folder / "trace"));
  const std::string below = root.string() + "/";
  for (std::string line; std::getline(lines, line);) {
    if (line.find("exec") != std::string::npos && line.ends_with("= 0")) ++traced.programs;
    // "… = 7</path>": what a descriptor was got for.
    const std::size_t result = line.rfind("= ");
    const std::size_t path = line.find('<', result);
    if (result == std::string::npos || path == std::string::npos || !line.ends_with('>')) continue;
    const fs::path opened = line.substr(path + 1, line.size() - path - 2);
    const std::string text = opened.string();
    if (!text.starts_with(below) || text.starts_with(below + ".git/")) continue;
    if (opened.filename() == ".gitignore" || opened.filename() == ".gitattributes") continue;
    if (!fs::is_directory(opened)) traced.opened.insert(text.substr(below.size()));
  }
  REQUIRE(traced.programs > 0);
  return traced;
}

/// A run with nothing to do: only the supervisor was started, and it opened no file of the tree.
void check_nothing_done(const fs::path& root, const Database& database, const std::string& what) {
  const IndexRun run = index_well(root, database);
  CHECK(number(run, "files", "unchanged") == kFiles);
  CHECK(number(run, "workers", "started") == 0);
  std::cout << what << ", nothing changed: " << run.ended.elapsed.count() << " s\n";
  if (!can_trace()) {
    skip("no process may be traced here, so the opened files are not checked");
    return;
  }
  const Traced traced = trace_index(root, database);
  CHECK(number(traced.run, "files", "unchanged") == kFiles);
  CHECK(traced.opened == std::set<std::string>());
  CHECK(traced.programs == 1);
}

/// One file changed: it alone is opened, and its one new source embedded.
void check_one_change(const TemporaryFolder& tree, const Database& database) {
  tree.write("p3/m3_7.py", "def f3_7():\n    return 'otherwise'\n");
  if (can_trace()) {
    const Traced traced = trace_index(tree.path(), database);
    CHECK(traced.opened == std::set<std::string>{"p3/m3_7.py"});
    CHECK(number(traced.run, "files", "indexed") == 1);
    CHECK(number(traced.run, "files", "unchanged") == kFiles - 1);
    CHECK(number(traced.run, "chunks", "embedded") == 1);
    tree.write("p3/m3_7.py", "def f3_7():\n    return 'once more'\n");
  } else {
    skip("no process may be traced here, so the opened files are not checked");
  }
  const IndexRun run = index_well(tree.path(), database);
  CHECK(number(run, "files", "indexed") == 1);
  CHECK(number(run, "files", "unchanged") == kFiles - 1);
  CHECK(number(run, "chunks", "embedded") == 1);
}

TEST_CASE("change check: an unchanged repository costs no worker and no file opened") {
  const TemporaryFolder tree;
  write_files(tree);
  git(tree.path(), {"init", "-q"});
  git(tree.path(), {"add", "."});
  git(tree.path(), {"commit", "-q", "-m", "first"});
  let_time_pass();
  const Database database;
  CHECK(number(index_well(tree.path(), database), "files", "indexed") == kFiles);
  check_nothing_done(tree.path(), database, "repository of 500 files");

  // git checked everything out anew: its index says what the files are.
  const TemporaryFolder beside;
  git(tree.path(), {"clone", "-q", "--bare", ".", (beside / "origin").string()});
  for (const auto& entry : fs::directory_iterator(tree.path())) fs::remove_all(entry);
  git(beside.path(), {"clone", "-q", (beside / "origin").string(), tree.path().string()});
  age_index(tree.path());
  check_nothing_done(tree.path(), database, "fresh checkout");

  renew_inodes(tree.path());
  const IndexRun moved = index_well(tree.path(), database);
  CHECK(number(moved, "files", "unchanged") == kFiles);
  CHECK(number(moved, "chunks", "written") == 0);
  check_nothing_done(tree.path(), database, "copied checkout, second run");
  check_one_change(tree, database);
}

TEST_CASE("change check: an unchanged plain folder costs no worker and no file opened") {
  const TemporaryFolder tree;
  write_files(tree);
  let_time_pass();
  const Database database;
  CHECK(number(index_well(tree.path(), database), "files", "indexed") == kFiles);
  check_nothing_done(tree.path(), database, "plain folder of 500 files");
  renew_inodes(tree.path());
  const IndexRun moved = index_well(tree.path(), database);
  CHECK(number(moved, "files", "unchanged") == kFiles);
  CHECK(number(moved, "chunks", "written") == 0);
  check_nothing_done(tree.path(), database, "copied folder, second run");
  check_one_change(tree, database);
}

/// Checks `file` out again, with git's index up to date, and gives the text that then stands there.
std::string check_out_again(const TemporaryFolder& tree, const std::string& file) {
  fs::remove(tree / file);
  git(tree.path(), {"checkout", "-q", "--", file});
  age_index(tree.path());
  REQUIRE(git(tree.path(), {"status", "--porcelain"}) == "");
  return read_file(tree / file);
}

TEST_CASE("change check: what git converts is read, whatever its index says") {
  const TemporaryFolder tree;
  tree.write("lines.py", "def lines():\n    return 1\n");
  tree.write("ident.py", "def ident():\n    return '$Id$'\n");
  tree.write("filtered.py", "def filtered():\n    return 1\n");
  tree.write("encoded.py", "def encoded():\n    return 1\n");
  make_repository(tree.path());
  age_index(tree.path());
  const Database database;
  CHECK(number(index_well(tree.path(), database), "files", "indexed") == 4);

  git(tree.path(), {"config", "core.autocrlf", "true"});
  CHECK(check_out_again(tree, "lines.py").find("\r\n") != std::string::npos);
  CHECK(number(index_well(tree.path(), database), "files", "indexed") == 1);
  git(tree.path(), {"config", "core.autocrlf", "false"});
  CHECK(check_out_again(tree, "lines.py").find("\r\n") == std::string::npos);
  CHECK(number(index_well(tree.path(), database), "files", "indexed") == 1);

  git(tree.path(), {"config", "filter.rot.smudge", "tr a-z b-za"});
  git(tree.path(), {"config", "filter.rot.clean", "tr b-za a-z"});
  tree.write(".git/info/attributes",
             "*.py -text\n[attr]rotten filter=rot\nfiltered.py rotten\nident.py ident\n");
  CHECK(check_out_again(tree, "filtered.py").starts_with("efg gjmufsfe"));  // the same size
  CHECK(check_out_again(tree, "ident.py").find("$Id: ") != std::string::npos);
  const IndexRun converted = index_well(tree.path(), database);
  CHECK(number(converted, "files", "indexed") == 2);
  CHECK(number(converted, "files", "unchanged") == 2);
  CHECK(number(index_well(tree.path(), database), "workers", "started") == 0);
}

TEST_CASE("change check: a renamed or copied file uses the vectors of its sources") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n\n\ndef b():\n    return 2\n");
  make_repository(tree.path());
  const Database database;
  CHECK(number(index_well(tree.path(), database), "chunks", "embedded") == 4);
  git(tree.path(), {"mv", "a.py", "renamed.py"});
  const IndexRun renamed = index_well(tree.path(), database);
  CHECK(number(renamed, "files", "removed") == 1);
  CHECK(number(renamed, "files", "indexed") == 1);
  CHECK(number(renamed, "chunks", "written") == 2);
  // Its text views, which begin with the path.
  CHECK(number(renamed, "chunks", "embedded") == 2);
  CHECK(number(renamed, "chunks", "reused") == 2);
  fs::copy(tree / "renamed.py", tree / "copy.py");
  const IndexRun copied = index_well(tree.path(), database);
  CHECK(number(copied, "files", "indexed") == 1);
  CHECK(number(copied, "chunks", "embedded") == 2);
  CHECK(number(copied, "chunks", "reused") == 2);
}

TEST_CASE("change check: a file switched between branches and back is embedded once in its life") {
  const TemporaryFolder tree;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    tree.write("m" + n + ".py", "def f" + n + "():\n    return " + n + "\n");
  }
  make_repository(tree.path());
  const Database database;
  CHECK(number(index_well(tree.path(), database), "chunks", "embedded") == 40);
  git(tree.path(), {"checkout", "-q", "-b", "other"});
  tree.write("m7.py", "def another():\n    return 'seven'\n");
  git(tree.path(), {"commit", "-q", "-a", "-m", "second"});
  CHECK(number(index_well(tree.path(), database), "chunks", "embedded") == 2);
  for (const std::string branch : {"main", "other", "main"}) {
    git(tree.path(), {"checkout", "-q", branch});
    const IndexRun switched = index_well(tree.path(), database);
    CHECK(number(switched, "files", "indexed") == 1);
    CHECK(number(switched, "files", "unchanged") == 19);
    CHECK(number(switched, "chunks", "embedded") == 0);
    CHECK(number(switched, "chunks", "reused") == 2);
  }
}

TEST_CASE(
    "change check: after a switch to a branch that differs at most what differs is embedded") {
  constexpr int kModules = 200;
  constexpr int kDifferent = kModules / 20;
  const TemporaryFolder tree;
  const auto write = [&](int module, const std::string& second) {
    const std::string n = std::to_string(module);
    tree.write(
        "p" + std::to_string(module % 10) + "/m" + n + ".py",
        "def f" + n + "():\n    return 1\n\n\ndef g" + n + "():\n    return " + second + "\n");
  };
  for (int i = 0; i < kModules; ++i) write(i, "2");
  make_repository(tree.path());
  const Database database;
  CHECK(number(index_well(tree.path(), database), "chunks", "embedded") == 4 * kModules);

  git(tree.path(), {"checkout", "-q", "-b", "other"});
  for (int i = 0; i < kDifferent; ++i) write(i * 7, "'changed'");
  git(tree.path(), {"rm", "-q", "p1/m1.py"});
  git(tree.path(), {"mv", "p2/m2.py", "p3/renamed.py"});
  git(tree.path(), {"commit", "-q", "-a", "-m", "second"});
  git(tree.path(), {"checkout", "-q", "main"});
  git(tree.path(), {"checkout", "-q", "other"});
  const IndexRun there = index_well(tree.path(), database);
  CHECK(number(there, "files", "indexed") == kDifferent + 1);
  CHECK(number(there, "files", "unchanged") == kModules - kDifferent - 2);
  CHECK(number(there, "files", "removed") == 2);
  // A source of each, and the two text views of the file that moved.
  CHECK(number(there, "chunks", "embedded") == kDifferent + 2);
  CHECK(number(there, "chunks", "reused") == 3 * kDifferent + 2);

  git(tree.path(), {"checkout", "-q", "main"});
  const IndexRun back = index_well(tree.path(), database);
  CHECK(number(back, "files", "indexed") == kDifferent + 2);
  CHECK(number(back, "chunks", "embedded") == 0);
  git(tree.path(), {"merge", "-q", "--no-ff", "-m", "Merge", "other"});
  CHECK(number(index_well(tree.path(), database), "chunks", "embedded") == 0);

  // Another work tree, and a clone under another name, are made of the same texts.
  const TemporaryFolder beside;
  const std::string clone = (beside / "clone").string();
  git(tree.path(), {"worktree", "add", "-q", (beside / "linked").string(), "HEAD~1"});
  git(beside.path(), {"clone", "-q", "-b", "other", tree.path().string(), clone});
  for (const char* name : {"linked", "clone"}) {
    const IndexRun run = index(beside / name, database, {"--repository", name});
    INFO(run.ended.text());
    CHECK(number(run, "files", "indexed") >= kModules - 1);
    CHECK(number(run, "chunks", "embedded") == 0);
  }
}

}  // namespace
}  // namespace forkdex::test
