// Repositories that git itself must help to read: what it ignores is not indexed, and what nothing
// here reads ends 69 and leaves no row.

#include <pwd.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
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

constexpr const char* kText = "def f():\n    return 1\n";

Strings indexed(const Database& database, const fs::path& root) {
  Strings found;
  for (const Row& row : database.rows(
           "SELECT path FROM forkdex.files JOIN forkdex.repositories r ON r.id = repository_id "
           "WHERE root = '" +
           root.string() + "' AND state = 'indexed' ORDER BY path COLLATE \"C\""))
    found.push_back(row[0]);
  return found;
}

/// A path to `file` that starts at the home of whoever runs the tests, which stays untouched.
std::string from_home(const fs::path& file) {
  const passwd* user = ::getpwuid(::getuid());
  REQUIRE(user);
  return "~" + std::string(user->pw_name) + "/" +
         fs::canonical(file).lexically_relative(fs::canonical(user->pw_dir)).string();
}

/// Leaves the index without its checksum, as a git with index.skipHash does.
void drop_checksum(const fs::path& tree) {
  const fs::path file = tree / ".git/index";
  const auto size = fs::file_size(file);
  fs::resize_file(file, size - 20);
  fs::resize_file(file, size);
}

TEST_CASE(
    "git configuration: what git ignores by it is not indexed, and a second run changes nothing") {
  const Database database;
  const TemporaryFolder place;
  place.write("rules", "secret.py\n");
  place.write("inc", "[core]\n\texcludesFile = " + (place / "rules").string() + "\n");
  const auto index_twice = [&](const std::string& name, const Strings& configuration,
                               const auto& change) {
    CAPTURE(name);
    const fs::path tree = place / name;
    place.write(name + "/one.py", kText);
    place.write(name + "/two.py", kText);
    make_repository(tree);
    place.write(name + "/secret.py", kText);
    const std::string head = git(tree, {"rev-parse", "HEAD"});
    for (std::size_t i = 0; i + 1 < configuration.size(); i += 2)
      git(tree, {"config", configuration[i], configuration[i + 1]});
    change(tree);
    const IndexRun first = index(tree, database);
    INFO(first.ended.text());
    CHECK(first.ended.status == 0);
    CHECK(indexed(database, fs::canonical(tree)) == Strings{"one.py", "two.py"});
    CHECK(first.report.at("head") == head);
    CHECK(first.report.at("commits").at("written") == 1);
    const IndexRun second = index(tree, database);
    CHECK(second.ended.status == 0);
    CHECK(files_in(second.report, "unchanged") == 2);
  };
  const auto nothing = [](const fs::path&) {};
  index_twice("user", {"core.excludesFile", from_home(place / "rules")}, nothing);
  index_twice("remote",
              {"remote.origin.url", "https://example.org/a/b",
               "includeIf.hasconfig:remote.*.url:https://example.org/**.path", place / "inc"},
              nothing);
  index_twice("skiphash", {"core.excludesFile", place / "rules"}, drop_checksum);
  index_twice("split", {"include.path", place / "inc"},
              [](const fs::path& tree) { git(tree, {"update-index", "--split-index"}); });
  index_twice("extension",
              {"core.excludesFile", place / "rules", "core.repositoryformatversion", "1",
               "extensions.relativeWorktrees", "true"},
              nothing);
}

TEST_CASE("git configuration: a format that nothing here reads ends 69 with a remedy") {
  const Database database;
  const TemporaryFolder place;
  const auto refused_with = [&](const fs::path& tree, const std::string& words) {
    const IndexRun run = index(tree, database);
    INFO(run.ended.text());
    CHECK(run.ended.status == 69);
    CHECK(run.ended.text().find(words) != std::string::npos);
    CHECK(database.value("SELECT to_regclass('forkdex.files') IS NULL") == "t");
  };
  place.write("marvel/one.py", kText);
  make_repository(place / "marvel");
  git(place / "marvel", {"config", "core.repositoryformatversion", "1"});
  git(place / "marvel", {"config", "extensions.marvel", "1"});
  refused_with(place / "marvel", "index a copy of its files without .git");
  place.write("sha256/one.py", kText);
  git(place / "sha256", {"init", "-q", "--object-format=sha256"});
  refused_with(place / "sha256", "index a copy of its files without .git");
  fs::remove_all(place / "sha256/.git");
  CHECK(index(place / "sha256", database).ended.status == 0);
  CHECK(indexed(database, fs::canonical(place / "sha256")) == Strings{"one.py"});
}

}  // namespace
}  // namespace forkdex::test
