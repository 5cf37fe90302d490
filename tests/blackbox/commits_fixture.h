#pragma once

// What tests of commits share: a small history, runs over it, and what git says of it.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_folder.h"
#include "tests/support/index_run.h"

namespace forkdex::test {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr const char* kText = "def f():\n    return 1\n";

inline IndexRun index_well(const fs::path& root, const Database& database,
                           const Strings& more = {}) {
  Strings options = {"--repository", "r", "--workers", "2"};
  options.insert(options.end(), more.begin(), more.end());
  IndexRun run = index(root, database, options);
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  return run;
}

inline int written(const IndexRun& run) {
  return run.report.at("commits").at("written").get<int>();
}
inline int embedded(const IndexRun& run) {
  return run.report.at("commits").at("embedded").get<int>();
}

inline Strings column(const Database& database, const std::string& sql) {
  Strings values;
  for (const Row& row : database.rows(sql)) values.push_back(row[0]);
  return values;
}

inline Strings sorted(Strings strings) {
  std::sort(strings.begin(), strings.end());
  return strings;
}

inline Strings lines_of(const std::string& text) {
  Strings lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

inline Strings stored_commits(const Database& database, const std::string& repository = "r") {
  return column(database,
                "SELECT oid FROM forkdex.commits JOIN forkdex.repositories r ON r.id = "
                "repository_id WHERE r.name = '" +
                    repository + "' ORDER BY oid");
}

/// What differs from git: commits, and last commits file by file. `below` is the indexed folder.
inline Strings differences_from_git(const fs::path& root, const Database& database,
                                    const std::string& below = "") {
  Strings found;
  Strings commits = lines_of(run_git(
      root, below.empty() ? Strings{"rev-list", "HEAD"} : Strings{"rev-list", "HEAD", "--", "."}));
  if (sorted(commits) != stored_commits(database)) found.push_back("other commits");
  const Strings tracked = lines_of(run_git(root, {"-c", "core.quotepath=off", "ls-files"}));
  for (const Row& row : database.rows("SELECT path, last_commit FROM forkdex.files")) {
    const bool is_tracked = std::find(tracked.begin(), tracked.end(), row[0]) != tracked.end();
    const std::string git =
        is_tracked
            ? run_git(root, {"--literal-pathspecs", "log", "-1", "--format=%H", "--", row[0]})
            : "";
    const std::string expected = git.empty() ? "∅" : git.substr(0, git.find('\n'));
    if (row[1] != expected) found.push_back(row[0] + ": " + row[1] + ", git: " + expected);
  }
  return found;
}

inline int without_vector(const Database& database) {
  return std::stoi(database.value(
      "SELECT count(*) FROM forkdex.commits c WHERE c.content_hash IS NOT NULL AND NOT EXISTS "
      "(SELECT FROM forkdex.vectors v WHERE v.content_hash = c.content_hash)"));
}

/// main: a, b and folder/c; a topic branch, merged; HEAD on the merge.
inline void small_history(const GitFolder& folder) {
  folder.write("a.py", kText);
  folder.write("folder/c.py", kText);
  folder.commit("First files\n\nWith a body.", 1);
  folder.write("b.py", "b = 1\n");
  folder.commit("Add b", 2);
  folder.git({"checkout", "-q", "-b", "topic"});
  folder.write("folder/c.py", "c = 2\n");
  folder.commit("Change c on a topic branch", 3);
  folder.git({"checkout", "-q", "main"});
  folder.write("a.py", "a = 2\n");
  folder.commit("Change a", 4);
  run_git(folder.path(), {"merge", "-q", "--no-ff", "-m", "Merge the topic", "topic"}, "", 5);
}

}  // namespace forkdex::test
