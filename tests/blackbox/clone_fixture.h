#pragma once

// What tests of clones share: a repository to clone, and one that takes its time.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

inline std::string function(const std::string& name) {
  return "def " + name + "():\n    return 1\n";
}

/// A repository to clone, a data folder for the clone, and a database for the rows.
struct Elsewhere {
  Elsewhere() {
    origin.write("a.py", function("a"));
    origin.write("src/b.py", function("b"));
    make_repository(origin.path());
  }

  std::string url() const { return "file://" + origin.path().string(); }

  Command command(const std::string& from, const Strings& options = {}) const {
    fs::remove(report());
    Strings all = {"--workers", "1"};
    all.insert(all.end(), options.begin(), options.end());
    Command command = index_command(from, database, report(), all);
    command.environment["XDG_DATA_HOME"] = data.path().string();
    command.environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
    command.environment["GIT_CONFIG_NOSYSTEM"] = "1";
    return command;
  }

  IndexRun index(const std::string& from, int status = 0, const Strings& options = {}) const {
    IndexRun done{run(command(from, options)), {}};
    INFO(done.ended.text());
    REQUIRE(done.ended.status == status);
    if (fs::exists(report())) done.report = nlohmann::json::parse(read_file(report()));
    if (status == 0) CHECK(contradictions(done.report, database) == Strings());
    return done;
  }

  void commit(const std::string& file, const std::string& text) const {
    origin.write(file, text);
    git(origin.path(), {"add", "-A"});
    git(origin.path(), {"commit", "-q", "-m", "more"});
  }

  Strings definitions() const {
    Strings found;
    for (const Row& row : database.rows("SELECT path || ' ' || name FROM forkdex.chunks WHERE kind "
                                        "= 'function' ORDER BY path COLLATE \"C\", name"))
      found.push_back(row[0]);
    return found;
  }

  /// The folders below clones/: whole clones, and what else there is.
  Strings clones(bool whole) const {
    Strings found;
    if (!fs::exists(data / "forkdex/clones")) return found;
    for (const auto& entry : fs::directory_iterator(data / "forkdex/clones"))
      if (entry.is_directory() && (entry.path().extension() == ".git") == whole)
        found.push_back(entry.path().filename().string());
    return found;
  }

  fs::path report() const { return folder / "report.json"; }

  TemporaryFolder origin;
  TemporaryFolder data;
  TemporaryFolder folder;
  Database database;
};

inline int number(const IndexRun& run, const std::string& object, const std::string& key) {
  return run.report.at(object).at(key).get<int>();
}

/// A remote reached by an `ssh` of ours, which waits before it lets git talk.
struct SlowRemote : Elsewhere {
  SlowRemote() {
    folder.write("ssh",
                 "#!/bin/sh\n"
                 "for last; do :; done\n"
                 "touch " +
                     (folder / "asked").string() +
                     "\n"
                     // As ssh does when nobody reads what it has, it ends with git.
                     "while [ ! -e " +
                     (folder / "go").string() +
                     " ]; do\n"
                     "  kill -0 $PPID || exit 1\n"
                     "  sleep 0.02\n"
                     "done\n"
                     "exec sh -c \"$last\"\n");
    fs::permissions(folder / "ssh", fs::perms::owner_all);
  }
  std::string slow_url() const { return "ssh://me@nowhere.example" + origin.path().string(); }
  Command slow_command() const {
    Command slow = command(slow_url(), {"--repository", "slow"});
    slow.environment["GIT_SSH"] = (folder / "ssh").string();
    slow.environment["GIT_SSH_VARIANT"] = "simple";
    return slow;
  }
  void wait_for_git() const {
    wait_until("git has asked", [&] { return fs::exists(folder / "asked"); });
  }
  /// The next run, with nothing in its way, makes up for what was interrupted.
  void check_next_run() const {
    folder.write("go", "");
    const Ended ended = run(slow_command());
    INFO(ended.text());
    REQUIRE(ended.status == 0);
    CHECK(clones(true).size() == 1);
    CHECK(clones(false) == Strings());
    CHECK(database.value("SELECT root FROM forkdex.repositories") ==
          "ssh://nowhere.example" + origin.path().string());
  }
};

}  // namespace forkdex::test
