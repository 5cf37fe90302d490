// Runs over a part of a repository: shards side by side, lists of files. What lies outside is left
// as it is.

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using Strings = std::vector<std::string>;

/// Some thirty small real files.
struct Tree {
  Tree() {
    for (const auto& entry :
         fs::directory_iterator(corpus("rxjs-7.8.2") / "src/internal/operators"))
      if (entry.file_size() < 3000) {
        fs::copy_file(entry.path(), folder / entry.path().filename());
        names.push_back(entry.path().filename());
      }
    std::sort(names.begin(), names.end());
  }
  TemporaryFolder folder;
  Strings names;
};

Dump whole(const fs::path& root) {
  const Database database;
  REQUIRE(index(root, database, {"--repository", "r"}).ended.status == 0);
  return dump(database, "r");
}

TEST_CASE("scope: shards indexed side by side make up the repository") {
  const Tree tree;
  const Database database;
  const TemporaryFolder reports;
  std::vector<std::unique_ptr<Program>> runs;
  for (const char* number : {"1", "2", "3"})
    runs.push_back(std::make_unique<Program>(index_command(
        tree.folder.path(), database, reports / number,
        {"--repository", "r", "--workers", "1", "--shard", number + std::string("/3")})));
  int files = 0;
  for (const auto& run : runs) {
    const Ended ended = run->wait();
    INFO(ended.text());
    REQUIRE(ended.status == 0);
  }
  for (const char* number : {"1", "2", "3"}) {
    const auto report = nlohmann::json::parse(read_file(reports / number));
    CHECK(files_in(report, "indexed") == files_in(report, "total"));
    files += files_in(report, "total");
  }
  CHECK(files == static_cast<int>(tree.names.size()));
  CHECK(differences(whole(tree.folder.path()), dump(database, "r")) == Strings());
  CHECK(database.value("SELECT count(*) FROM forkdex.repositories WHERE indexed_at IS NOT NULL") ==
        "1");
  const IndexRun after = index(tree.folder.path(), database, {"--repository", "r"});
  CHECK(files_in(after.report, "unchanged") == files);
}

TEST_CASE("scope: a shard removes what is gone of its own, and nothing else") {
  const Tree tree;
  const Database database;
  REQUIRE(index(tree.folder.path(), database, {"--repository", "r"}).ended.status == 0);
  for (const std::string& name : tree.names) fs::remove(tree.folder / name);
  int left = static_cast<int>(tree.names.size());
  for (const char* shard : {"1/2", "2/2"}) {
    const IndexRun run =
        index(tree.folder.path(), database, {"--repository", "r", "--shard", shard});
    INFO(run.ended.text());
    CHECK(run.ended.status == 0);
    const int removed = files_in(run.report, "removed");
    CHECK(removed > 0);
    left -= removed;
    CHECK(database.value("SELECT count(*) FROM forkdex.files") == std::to_string(left));
  }
  CHECK(left == 0);
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks") == "0");
}

TEST_CASE("scope: a list of files is all that a run sees") {
  const Tree tree;
  const Database database;
  const fs::path root = tree.folder.path();
  REQUIRE(index(root, database, {"--repository", "r"}).ended.status == 0);
  const Dump before = dump(database, "r");
  // One changes, one goes, one comes; of three others the same, and nobody is told of those.
  const auto change = [&](std::size_t first) {
    tree.folder.write(tree.names[first], "export const changed = " + std::to_string(first) + ";\n");
    fs::remove(root / tree.names[first + 1]);
    tree.folder.write("new" + std::to_string(first) + ".ts", "export const fresh = 1;\n");
  };
  change(0);
  change(2);
  const TemporaryFolder folder;
  Command command = index_command(root, database, folder / "report.json",
                                  {"--repository", "r", "--files-from", "-"});
  command.input = tree.names[0] + "\n./" + tree.names[1] + "\nnew0.ts\nnowhere.ts\n";
  const Ended ended = run(command);
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(ended.err.find("warning: 1 of the paths in --files-from are no files of the repository, "
                       "ignored by it perhaps: nowhere.ts") != std::string::npos);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(files_in(report, "total") == 2);
  CHECK(files_in(report, "indexed") == 2);
  CHECK(files_in(report, "removed") == 1);
  CHECK(database.value("SELECT count(*) FROM forkdex.files") ==
        std::to_string(before.files.size()));
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE path = 'new2.ts'") == "0");
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE path = '" + tree.names[3] + "'") ==
        "1");

  const IndexRun rest = index(root, database, {"--repository", "r"});
  INFO(rest.ended.text());
  CHECK(files_in(rest.report, "indexed") == 2);
  CHECK(files_in(rest.report, "removed") == 1);
  // Vectors of what the changed files held before are kept.
  CHECK(dump(database, "r").files == whole(root).files);
  CHECK(dump(database, "r").chunks == whole(root).chunks);
}

TEST_CASE("scope: bad shards and lists are refused in a sentence") {
  const TemporaryFolder folder;
  const Database database;
  for (const char* shard : {"0/2", "3/2", "two", "1/"}) {
    const Ended ended =
        index(folder.path(), database, {"--repository", "r", "--shard", shard}).ended;
    INFO(ended.text());
    CHECK(ended.status == 64);
    CHECK(ended.err.find("--shard") != std::string::npos);
  }
  const Ended ended = index(folder.path(), database,
                            {"--repository", "r", "--files-from", (folder / "none").string()})
                          .ended;
  INFO(ended.text());
  CHECK(ended.status == 64);
  CHECK(ended.err.find("No such file") != std::string::npos);
}

}  // namespace
}  // namespace forkdex::test
