// One walk over a history gives what git gives, asked file by file.

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "supervisor/repository/history/history.h"
#include "tests/support/scratch_repository.h"
#include "tests/unit/supervisor/repository/history/random_history.h"

namespace forkdex::test {
namespace {

using Strings = std::vector<std::string>;
using LastCommits = std::map<std::string, std::string>;  // by path; "" for none

Strings lines_of(const std::string& text) {
  Strings lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string only_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What is kept between walks, as the database keeps it.
struct Remembered {
  std::optional<ObjectId> head;
  std::string scope;
  LastCommits last_commits;
  std::map<std::string, Commit> commits;

  /// Walks from where HEAD is now. Returns what the walk says of itself.
  History::Walked update(const std::filesystem::path& root, const std::string& head_id,
                         const std::set<std::string>& paths) {
    auto history = History::open(root);
    if (!history) FAIL(history.error().text());
    if (scope != history->scope()) head.reset();
    scope = history->scope();
    PathSets sets;
    std::map<Sha256, std::string> path_of;
    for (const std::string& path : paths) {
      sets.add(sha256(path), last_commits.contains(path));
      path_of[sha256(path)] = path;
    }
    const ObjectId new_head = *object_id(head_id);
    std::set<std::string> reached;
    History::Visitor visitor;
    visitor.reached = [&](const ObjectId& id) {
      CHECK(reached.insert(hex(id)).second);
      return true;
    };
    visitor.take = [&](Commit&& commit) -> Result<void> {
      const std::string id = hex(commit.id);
      commits[id] = std::move(commit);
      return {};
    };
    visitor.keep_going = [] { return true; };
    const auto walked = history->walk(new_head, head, &sets, visitor);
    if (!walked) FAIL(walked.error().text());
    CHECK(walked->to_the_end);
    // Whatever the dates say, no commit of a first walk is looked at twice.
    if (!head) CHECK(walked->commits == reached.size());
    PathSets::Path at = 0;
    while (const auto last = sets.next_answer(at))
      last_commits[path_of.at(last->path_hash)] = last->commit ? hex(*last->commit) : "";
    head = new_head;
    return *walked;
  }
};

/// What git says, one file at a time. A path that HEAD lacks has no last commit.
LastCommits asked_of_git(const ScratchFolder& folder, const std::set<std::string>& paths,
                         const std::string& below = "") {
  const Strings listed = lines_of(folder.git(
      {"-c", "core.quotepath=off", "ls-tree", "-r", "--name-only", "--full-tree", "HEAD"}));
  LastCommits last;
  for (const std::string& path : paths) {
    const bool there = std::find(listed.begin(), listed.end(), below + path) != listed.end();
    last[path] = there ? only_line(folder.git({"--literal-pathspecs", "log", "-1", "--format=%H",
                                               "--", below + path}))
                       : "";
  }
  return last;
}

std::string differences(const LastCommits& ours, const LastCommits& gits) {
  std::string text;
  for (const auto& [path, commit] : gits)
    if (ours.at(path) != commit) text += path + ": " + ours.at(path) + ", git: " + commit + "\n";
  return text;
}

Strings changed_files(const ScratchFolder& folder, const std::string& commit) {
  // Of a merge, those that are as in none of its parents.
  Strings files =
      lines_of(folder.git({"-c", "core.quotepath=off", "diff-tree", "-r", "--root", "-c",
                           "--no-renames", "--no-commit-id", "--name-only", commit}));
  std::sort(files.begin(), files.end());
  return files;
}

Strings sorted(Strings strings) {
  std::sort(strings.begin(), strings.end());
  return strings;
}

TEST_CASE("history: last commits of random histories are git's, walked at once or bit by bit") {
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 12; ++round) {
    const ScratchFolder folder;
    RandomHistory history(folder, static_cast<unsigned>(random()));
    Remembered remembered;
    for (int step = 0; step < 5; ++step) {
      const Strings& ids = history.grow(step == 0 ? 40 : 6);
      // Mostly a little further; now and then anywhere, as after a reset or a switch.
      const std::size_t back = random() % (random() % 3 == 0 ? ids.size() : 3);
      const std::size_t head = ids.size() - 1 - back;
      history.stand_on(head);
      INFO("round " << round << ", step " << step << ", head " << head);
      remembered.update(folder.path(), ids[head], history.paths());
      CHECK(differences(remembered.last_commits, asked_of_git(folder, history.paths())) == "");
      for (const std::string& id : lines_of(folder.git({"rev-list", "HEAD"}))) {
        INFO(id);
        REQUIRE(remembered.commits.contains(id));
      }
    }
    for (const auto& [id, commit] : remembered.commits) {
      INFO(id);
      CHECK(sorted(commit.files) == changed_files(folder, id));
      CHECK(commit.file_count == commit.files.size());
    }
  }
}

}  // namespace
}  // namespace forkdex::test
