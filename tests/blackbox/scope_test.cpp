// Runs over a part of a repository: shards side by side, lists of files. What lies outside is left
// as it is.

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/index_run.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using json = nlohmann::json;
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
  CHECK(differences(undisturbed(tree.folder.path(), "r"), dump(database, "r")) == Strings());
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
  CHECK(ended.err.find(
            "files_from.not_in_repository count=1 paths=nowhere.ts reason=\"--files-from "
            "names paths that are not files of the repository, ignored by it perhaps\"\n") !=
        std::string::npos);
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
  const Dump expected = undisturbed(root, "r");
  CHECK(dump(database, "r").files == expected.files);
  CHECK(dump(database, "r").chunks == expected.chunks);
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

  folder.write("a.py", "a = 1\n");
  Command command = index_command(folder.path(), database, folder / "report.json",
                                  {"--repository", "r", "--files-from", "-"});
  command.input = "/etc/passwd\n";
  const Ended outside = run(command);
  CHECK(outside.status == 64);
  CHECK(outside.err.find("--files-from names /etc/passwd, which is not below ") !=
        std::string::npos);
  command.input = (folder / "a.py").string() + "\n";
  const Ended absolute = run(command);
  INFO(absolute.text());
  CHECK(absolute.status == 0);
  CHECK(absolute.err.find("run.nothing_to_index") == std::string::npos);
  CHECK(absolute.err.find("files_from.") == std::string::npos);
  command.input = "";
  const Ended nothing = run(command);
  CHECK(nothing.status == 0);
  CHECK(nothing.err.find("--files-from names no file") != std::string::npos);
  CHECK(nothing.err.find("no file was found in") == std::string::npos);
}

TEST_CASE("scope: warnings and progress as JSON -> standard error holds JSON objects only") {
  const TemporaryFolder folder;
  const TemporaryFolder beside;
  const Database database;
  const auto warnings = [&](const std::string& list, const Strings& more) {
    Strings options = {"--repository", "r", "--log-format", "json", "--progress", "json"};
    options.insert(options.end(), more.begin(), more.end());
    Command command = index_command(folder.path(), database, beside / "report.json", options);
    command.input = list;
    const Ended ended = run(command);
    INFO(ended.text());
    CHECK(ended.status == 0);
    std::istringstream lines(ended.err);
    json found;
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      const json object = json::parse(line, nullptr, false);
      REQUIRE(object.is_object());
      if (object.contains("level")) found[object.at("event").get<std::string>()] = object;
    }
    return found;
  };
  CHECK(warnings("", {}).at("run.nothing_to_index").at("reason") ==
        "no file was found in " + fs::canonical(folder.path()).string());
  const json unmet = warnings("none\\\"\n", {"--files-from", "-"});
  CHECK(unmet.at("files_from.not_in_repository").at("count") == 1);
  CHECK(unmet.at("files_from.not_in_repository").at("paths") == "none\\\\\"");
  folder.write("a.py", "a = 1\n");
  CHECK(warnings("", {"--exclude", "*"}).at("run.nothing_to_index").at("reason") ==
        "--include, --exclude and --languages leave none of 1 files");
}

/// The versions of rows that lie outside: a row that was written, even as it was, is another one.
std::vector<Row> row_versions(const Database& database, const std::string& outside) {
  std::vector<Row> versions =
      database.rows("SELECT path, 0, xmin, state FROM forkdex.files WHERE " + outside +
                    " UNION ALL SELECT path, 1, xmin, source FROM forkdex.chunks WHERE " + outside);
  std::sort(versions.begin(), versions.end());
  return versions;
}

TEST_CASE("scope: whatever a narrowed run is told to do, it does to its own part only") {
  const Tree tree;
  const Database database;
  const fs::path root = tree.folder.path();
  REQUIRE(index(root, database, {"--repository", "r"}).ended.status == 0);
  const Dump before = dump(database, "r");
  const TemporaryFolder list;
  list.write("list", tree.names[0] + "\n" + tree.names[1] + "\n");
  const std::string outside =
      "path NOT IN ('" + tree.names[0] + "', '" + tree.names[1] + "', 'none')";
  const std::vector<Row> versions = row_versions(database, outside);
  const auto index_part = [&](Strings options) {
    options.insert(options.end(), {"--repository", "r", "--files-from", list / "list"});
    const IndexRun run = index(root, database, options);
    INFO(run.ended.text());
    CHECK(run.ended.status == 0);
    CHECK(files_in(run.report, "total") == 2);
    CHECK(files_in(run.report, "removed") == 0);
    CHECK(row_versions(database, outside) == versions);
    return run;
  };
  CHECK(files_in(index_part({"--full"}).report, "indexed") == 2);
  CHECK(files_in(index_part({"--retry-failed"}).report, "unchanged") == 2);
  CHECK(files_in(index_part({"--exclude", "*.ts"}).report, "skipped") == 2);
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE reason = 'excluded'") == "2");
  CHECK(files_in(index_part({"--languages", "python"}).report, "skipped") == 2);
  CHECK(files_in(index_part({"--max-file-size", "1"}).report, "skipped") == 2);
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE reason = 'too_large'") == "2");
  const IndexRun back = index_part({});
  CHECK(files_in(back.report, "indexed") == 2);
  CHECK(back.report.at("chunks").at("embedded") == 0);
  CHECK(differences(before, dump(database, "r")) == Strings());

  // A shard's part is what its own report counts.
  const IndexRun shard =
      index(root, database, {"--repository", "r", "--shard", "1/2", "--exclude", "*"});
  INFO(shard.ended.text());
  const int own = files_in(shard.report, "total");
  CHECK(own > 0);
  CHECK(files_in(shard.report, "skipped") == own);
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE state = 'skipped'") ==
        std::to_string(own));
  CHECK(database.value("SELECT count(*) FROM forkdex.files") == std::to_string(tree.names.size()));
}

TEST_CASE("scope: a list that names no file of the repository removes nothing") {
  const TemporaryFolder tree;
  for (const char* name : {"a.py", "folder/b.py", "folder/c.py"})
    tree.write(name, "def f():\n    return 1\n");
  const Database database;
  REQUIRE(index(tree.path(), database, {"--repository", "r"}).ended.status == 0);
  const std::vector<Row> versions = row_versions(database, "true");
  // All has gone; the lists name none of it.
  fs::remove(tree / "a.py");
  fs::remove_all(tree / "folder");
  tree.write("z.py", "z = 1\n");
  const TemporaryFolder output;
  for (const std::string list :
       {"", "\n", "folder\n", "folder/\n", "../a.py\n", "/a.py\n", "A.PY\n", "a.py/\n", "a.py "}) {
    Command command = index_command(tree.path(), database, output / "report.json",
                                    {"--repository", "r", "--files-from", "-"});
    command.input = list;
    const Ended ended = run(command);
    INFO(list << ended.text());
    const bool leads_out = list.starts_with('/') || list.starts_with("..");
    CHECK(ended.status == (leads_out ? 64 : 0));
    CHECK(row_versions(database, "true") == versions);
  }
}

/// Whether a run over `root` under the name r is refused and leaves every row as it is.
void check_refused(const fs::path& root, const Database& database) {
  const TemporaryFolder list;
  list.write("list", "a.py\n");
  const std::vector<Row> versions = row_versions(database, "true");
  const Row repository = database.rows("SELECT r.* FROM forkdex.repositories r").at(0);
  for (const Strings& more : {Strings{}, Strings{"--full", "--exclude", "*"},
                              Strings{"--files-from", list / "list", "--wait", "--no-commits"}}) {
    Strings options = {"--repository", "r"};
    options.insert(options.end(), more.begin(), more.end());
    const Ended ended = index(root, database, options).ended;
    INFO(ended.text());
    CHECK(ended.status == 64);
    CHECK(ended.err.find("r is already ") != std::string::npos);
    CHECK(ended.err.find("give --repository NAME") != std::string::npos);
    CHECK(row_versions(database, "true") == versions);
    CHECK(database.rows("SELECT r.* FROM forkdex.repositories r").at(0) == repository);
  }
}

TEST_CASE("scope: a name of another root is refused, whatever else is said") {
  const Database database;
  const TemporaryFolder parent;
  parent.write("one/a.py", "def f():\n    return 1\n");
  parent.write("two/a.py", "def g():\n    return 1\n");
  const auto index_first = [&](const fs::path& root) {
    const IndexRun run = index(root, database, {"--repository", "r"});
    INFO(run.ended.text());
    REQUIRE(run.ended.status == 0);
  };
  SECTION("another plain folder, and one that was moved") {
    index_first(parent / "one");
    check_refused(parent / "two", database);
    fs::rename(parent / "one", parent / "moved");
    check_refused(parent / "moved", database);
  }
  SECTION("a repository with another history, and its plain copy") {
    make_repository(parent / "one");
    make_repository(parent / "two");
    index_first(parent / "one");
    check_refused(parent / "two", database);
    fs::remove_all(parent / "two/.git");
    check_refused(parent / "two", database);
  }
  SECTION("other folders of the same repository") {
    parent.write("one/src/a.py", "def h():\n    return 1\n");
    parent.write("two/src/a.py", "def i():\n    return 1\n");
    make_repository(parent.path());
    index_first(parent / "one/src");
    check_refused(parent / "two/src", database);
    check_refused(parent / "one", database);
    check_refused(parent.path(), database);
    git(parent.path(), {"remote", "add", "origin", "https://example.org/a.git"});
    index_first(parent / "one/src");
    check_refused(parent / "two/src", database);
    check_refused(parent.path(), database);
  }
}

TEST_CASE("scope: a repository that moved keeps its rows, a folder of it too") {
  const std::string folder = GENERATE(as<std::string>(), "", "src");
  const Database database;
  const TemporaryFolder parent;
  parent.write("here/src/a.py", "def f():\n    return 1\n");
  make_repository(parent / "here");
  REQUIRE(index(parent / "here" / folder, database, {"--repository", "r"}).ended.status == 0);
  fs::rename(parent / "here", parent / "there");
  const IndexRun moved = index(parent / "there" / folder, database, {"--repository", "r"});
  INFO(moved.ended.text());
  CHECK(moved.ended.status == 0);
  CHECK(moved.ended.out.find("r: moved here from ") != std::string::npos);
  CHECK(files_in(moved.report, "unchanged") == 1);
  CHECK(files_in(moved.report, "removed") == 0);
}

}  // namespace
}  // namespace forkdex::test
