// --rev: the files of a commit, out of the object store, without a checkout.

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

std::string function(const std::string& name) { return "def " + name + "():\n    return 1\n"; }

/// Three commits: v1 is tagged, v2 has changed b.py, and main has src/c.py too.
void make_history(const TemporaryFolder& tree) {
  tree.write("a.py", function("a"));
  tree.write("src/b.py", function("b"));
  make_repository(tree.path());
  git(tree.path(), {"tag", "-a", "v1", "-m", "one"});
  tree.write("src/b.py", function("b_changed"));
  git(tree.path(), {"commit", "-q", "-a", "-m", "second"});
  tree.write("src/c.py", function("c"));
  git(tree.path(), {"add", "."});
  git(tree.path(), {"commit", "-q", "-m", "third"});
}

IndexRun index_as(const fs::path& root, const Database& database, Strings options, int status = 0) {
  options.insert(options.end(), {"--workers", "1", "--repository", "r"});
  IndexRun run = index(root, database, options);
  INFO(run.ended.text());
  REQUIRE(run.ended.status == status);
  if (!run.report.is_null()) CHECK(contradictions(run.report, database) == Strings());
  return run;
}

int number(const IndexRun& run, const std::string& object, const std::string& key) {
  return run.report.at(object).at(key).get<int>();
}

/// Paths with the names of what is defined in them: "src/b.py b".
Strings definitions(const Database& database) {
  Strings found;
  for (const Row& row : database.rows("SELECT path || ' ' || name FROM forkdex.chunks WHERE kind = "
                                      "'function' ORDER BY path COLLATE \"C\", name"))
    found.push_back(row[0]);
  return found;
}

const Strings kAtV1 = {"a.py a", "src/b.py b"};
const Strings kAtMain = {"a.py a", "src/b.py b_changed", "src/c.py c"};

TEST_CASE("revision: any commit is indexed from the object store, and the rows become its own") {
  const TemporaryFolder tree;
  make_history(tree);
  tree.write("a.py", function("edited"));
  tree.write("untracked.py", function("untracked"));
  const Database database;
  for (const std::string revision : {"v1", "HEAD~2", "main~2"}) {
    const IndexRun run = index_as(tree.path(), database, {"--rev", revision});
    CHECK(definitions(database) == kAtV1);
    CHECK(run.report.at("head") == git(tree.path(), {"rev-parse", "v1^{commit}"}));
    CHECK(number(run, "files", "indexed") == (revision == "v1" ? 2 : 0));
    CHECK((number(run, "workers", "started") > 0) == (revision == "v1"));
  }
  const std::string main = git(tree.path(), {"rev-parse", "main"});
  const IndexRun later = index_as(tree.path(), database, {"--rev", main});
  CHECK(definitions(database) == kAtMain);
  CHECK(number(later, "files", "unchanged") == 1);
  CHECK(number(later, "files", "indexed") == 2);
  CHECK(number(later, "chunks", "embedded") == 4);  // sources and names
  CHECK(database.value("SELECT head FROM forkdex.repositories") == main);
  const IndexRun back = index_as(tree.path(), database, {"--rev", "v1"});
  CHECK(definitions(database) == kAtV1);
  CHECK(number(back, "files", "removed") == 1);
  CHECK(number(back, "chunks", "embedded") == 0);

  // The same bytes are the same file, whether a commit has them or the work tree.
  const IndexRun work_tree = index_as(tree.path(), database, {});
  CHECK(number(work_tree, "files", "indexed") == 4);  // edited, b_changed, c, untracked
  const IndexRun again = index_as(tree.path(), database, {"--rev", "main"});
  CHECK(number(again, "files", "unchanged") == 2);
  CHECK(number(again, "files", "removed") == 1);
  CHECK(definitions(database) == kAtMain);
}

TEST_CASE("revision: rows are those of a checkout of the same commit") {
  const TemporaryFolder tree;
  make_history(tree);
  tree.write("wide.txt", "caf\xE9\n");
  tree.write("none.py", "");
  tree.write("data.bin", std::string("\0\1\2", 3));
  tree.write("odd \xFF\\name.py", function("odd"));
  git(tree.path(), {"add", "."});
  git(tree.path(), {"commit", "-q", "-m", "fourth"});
  const Database from_store;
  const Database from_files;
  index_as(tree.path(), from_store, {"--rev", "HEAD"});
  index_as(tree.path(), from_files, {});
  CHECK(differences(dump(from_store, "r"), dump(from_files, "r")) == Strings());
  CHECK(from_store.rows("SELECT path, blob_oid FROM forkdex.files ORDER BY path_hash") ==
        from_files.rows("SELECT path, blob_oid FROM forkdex.files ORDER BY path_hash"));
}

TEST_CASE("revision: a bare repository means its HEAD, a folder below the top its part") {
  const TemporaryFolder tree;
  make_history(tree);
  const TemporaryFolder beside;
  git(beside.path(), {"clone", "-q", "--bare", tree.path().string(), "bare.git"});
  const Database bare;
  index_as(beside / "bare.git", bare, {});
  CHECK(definitions(bare) == kAtMain);
  index_as(beside / "bare.git", bare, {"--rev", "v1"});
  CHECK(definitions(bare) == kAtV1);
  const Database part;
  index_as(tree / "src", part, {"--rev", "v1"});
  CHECK(definitions(part) == Strings{"b.py b"});

  git(beside.path(), {"init", "-q", "--bare", "empty.git"});
  const Database empty;
  CHECK(index_as(beside / "empty.git", empty, {}).ended.err.find("run.nothing_to_index") !=
        std::string::npos);
}

TEST_CASE("revision: a bare HEAD that names a branch which is not there empties nothing") {
  const TemporaryFolder tree;
  make_history(tree);
  const TemporaryFolder beside;
  const fs::path bare = beside / "bare.git";
  git(beside.path(), {"clone", "-q", "--bare", tree.path().string(), bare.string()});
  const Database database;
  index_as(bare, database, {});
  git(bare, {"symbolic-ref", "HEAD", "refs/heads/mistyped"});
  const IndexRun refused = index_as(bare, database, {}, 69);
  CHECK(refused.ended.err.find("the HEAD of " + bare.string() +
                               " names a branch that it does not have; set it there, or give "
                               "--rev BRANCH") != std::string::npos);
  CHECK(definitions(database) == kAtMain);
  CHECK(number(index_as(bare, database, {"--rev", "main"}), "files", "unchanged") == 3);
  // Without a branch there is nothing that could be meant.
  git(bare, {"update-ref", "-d", "refs/heads/main"});
  CHECK(number(index_as(bare, database, {}), "files", "removed") == 3);
}

TEST_CASE("revision: what names no commit ends with one sentence and 64") {
  const TemporaryFolder tree;
  make_history(tree);
  const TemporaryFolder plain;
  const Database database;
  for (const std::string revision : {"v9", "HEAD~9", "HEAD:a.py", "0000", "--help", "@{-1}"}) {
    const IndexRun run = index_as(tree.path(), database, {"--rev", revision}, 64);
    CHECK(run.ended.err.find("there is no commit " + revision + " in ") != std::string::npos);
  }
  CHECK(index_as(plain.path(), database, {"--rev", "main"}, 64).ended.err.find("leave --rev out") !=
        std::string::npos);
  fs::create_directories(tree / "fresh");
  CHECK(index_as(tree / "fresh", database, {"--rev", "v1"}, 64).ended.err.find("has no folder") !=
        std::string::npos);
}

TEST_CASE("revision: links, submodules and files too large are skipped as in a checkout") {
  const TemporaryFolder library;
  library.write("l.py", function("l"));
  make_repository(library.path());
  const TemporaryFolder tree;
  tree.write("a.py", function("a"));
  tree.write("big.py", std::string(5000, '#'));
  fs::create_symlink("a.py", tree / "link.py");
  git(tree.path(), {"init", "-q"});
  git(tree.path(), {"submodule", "--quiet", "add", library.path().string(), "lib"});
  git(tree.path(), {"add", "."});
  git(tree.path(), {"commit", "-q", "-m", "first"});
  const Database database;
  index_as(tree.path(), database, {"--rev", "HEAD", "--max-file-size", "4K"});
  CHECK(
      database.rows("SELECT path, reason FROM forkdex.files WHERE state = 'skipped' "
                    "ORDER BY path COLLATE \"C\"") ==
      std::vector<Row>{{"big.py", "too_large"}, {"lib", "submodule"}, {"link.py", "not_regular"}});
  // What a link says is as long on a disk.
  const auto sizes = [&] {
    return database.rows("SELECT path, bytes FROM forkdex.files ORDER BY path COLLATE \"C\"");
  };
  const auto stored = sizes();
  CHECK(database.value("SELECT bytes FROM forkdex.files WHERE path = 'link.py'") == "4");
  index_as(tree.path(), database, {"--max-file-size", "4K"});
  CHECK(sizes() == stored);
  CHECK(definitions(database) == Strings{"a.py a"});
}

TEST_CASE("revision: packed, borrowed and linked objects are read, inside the sandbox") {
  const TemporaryFolder tree;
  make_history(tree);
  git(tree.path(), {"gc", "-q"});
  const TemporaryFolder beside;
  git(beside.path(), {"clone", "-q", "--shared", tree.path().string(), "borrower"});
  git(beside.path(), {"clone", "-q", "--shared", (beside / "borrower").string(), "second"});
  git(tree.path(), {"worktree", "add", "-q", (beside / "linked").string(), "v1"});
  git(beside.path(), {"clone", "-q", "--shared", tree.path().string(), "by-hand"});
  beside.write("by-hand/.git/objects/info/alternates", (tree / ".git/objects/").string() + "\n");
  // Through links, and of a store that is not called `objects`.
  fs::create_symlink(tree / ".git/objects", beside / "store");
  git(beside.path(), {"clone", "-q", "--shared", tree.path().string(), "by-link"});
  beside.write("by-link/.git/objects/info/alternates", (beside / "store").string() + "\n");
  fs::copy(tree / ".git/objects", beside / "elsewhere", fs::copy_options::recursive);
  fs::create_symlink("elsewhere", beside / "objects");
  git(beside.path(), {"clone", "-q", "--shared", tree.path().string(), "named"});
  beside.write("named/.git/objects/info/alternates", (beside / "objects").string() + "\n");
  for (const std::string name : {"borrower", "second", "linked", "by-hand", "by-link", "named"}) {
    const Database database;
    index_as(beside / name, database, {"--rev", "HEAD"});
    CHECK(definitions(database) == (name == "linked" ? kAtV1 : kAtMain));
  }
}

TEST_CASE("revision: what a partial clone does not hold is said to be that") {
  const TemporaryFolder tree;
  make_history(tree);
  git(tree.path(), {"config", "uploadpack.allowfilter", "true"});
  const TemporaryFolder beside;
  git(beside.path(), {"clone", "-q", "--filter=blob:none", "--no-checkout",
                      "file://" + tree.path().string(), "partial"});
  const Database database;
  const IndexRun run =
      index(beside / "partial", database, {"--workers", "1", "--repository", "r", "--rev", "HEAD"});
  INFO(run.ended.text());
  CHECK(run.ended.status == 1);
  CHECK(run.report.at("problems")
            .at(0)
            .at("detail")
            .get<std::string>()
            .find("a partial clone does not hold it: clone without --filter") == 0);
}

TEST_CASE("revision: a damaged or missing object costs one file, a damaged tree its folder") {
  const TemporaryFolder tree;
  make_history(tree);
  const auto object = [&](const std::string& name) {
    const std::string oid = git(tree.path(), {"rev-parse", name});
    return tree / (".git/objects/" + oid.substr(0, 2) + "/" + oid.substr(2));
  };
  const Database database;
  index_as(tree.path(), database, {"--rev", "v1"});
  const fs::path damaged = object("main:src/b.py");
  fs::permissions(damaged, fs::perms::owner_all);
  std::ofstream(damaged, std::ios::binary | std::ios::trunc) << "no object at all";
  fs::remove(object("main:src/c.py"));
  const IndexRun run = index_as(tree.path(), database, {"--rev", "main"}, 1);
  CHECK(database.rows("SELECT path, reason FROM forkdex.files WHERE state = 'failed' "
                      "ORDER BY path COLLATE \"C\"") ==
        std::vector<Row>{{"src/b.py", "unreadable"}, {"src/c.py", "unreadable"}});
  CHECK(definitions(database) == Strings{"a.py a"});

  fs::remove(object("main:src"));
  index_as(tree.path(), database, {"--rev", "v1"});
  const IndexRun without =
      index(tree.path(), database, {"--workers", "1", "--repository", "r", "--rev", "main"});
  CHECK(without.ended.status == 1);
  CHECK(without.report.at("problems").at(0).at("path") == "src/");
  CHECK(definitions(database) == kAtV1);  // what is below is neither there nor gone
}

}  // namespace
}  // namespace forkdex::test
