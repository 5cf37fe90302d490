// Whoever reads a repository while it is indexed again sees every file, each as it was or as it is.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
using Strings = std::vector<std::string>;

constexpr int kFiles = 30;
constexpr int kMoving = 24;  // the others stay as they are

std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

/// A file in one of its versions: their texts, sizes and numbers of functions all differ.
std::string text_of(int file, int version) {
  std::string text;
  for (int i = 0; i <= 2 + version % 3; ++i) {
    const std::string name = std::to_string(file) + "_" + std::to_string(version);
    text += "def f" + name + "_" + std::to_string(i) + "():\n    return '" + name +
            std::string(static_cast<std::size_t>(version), '.') + "'\n\n\n";
  }
  return text;
}

/// What each file may look like to a reader at this moment.
class Allowed {
 public:
  using Texts = std::map<std::string, std::set<std::string>>;

  void add(const std::string& path, const std::string& text) {
    const std::lock_guard lock(mutex_);
    texts_[path].insert(text);
  }
  /// From now on, nothing else.
  void leave(const std::string& path, const std::string& text) {
    const std::lock_guard lock(mutex_);
    texts_[path] = {text};
  }
  Texts now() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  Texts texts_;
};

/// Does `look` again and again on a thread of its own until stopped; keeps what it complains of.
class Watcher {
 public:
  explicit Watcher(std::function<Strings()> look)
      : thread_([this, look = std::move(look)] {
          while (!stopped_ && complaints_.empty()) {
            try {
              complaints_ = look();
            } catch (const std::exception& error) {
              complaints_ = {error.what()};
            }
            ++looks_;
          }
        }) {}
  ~Watcher() {
    if (thread_.joinable()) stop();
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  Strings stop() {
    stopped_ = true;
    thread_.join();
    return complaints_;
  }
  int looks() const { return looks_; }

 private:
  std::atomic<bool> stopped_ = false;
  std::atomic<int> looks_ = 0;
  Strings complaints_;  // the thread's until it is joined
  std::thread thread_;
};

/// One statement, hence one snapshot: every file with its chunks in their order.
constexpr const char* kSnapshot =
    "SELECT f.path, f.state, f.chunk_count, f.bytes, count(c.id), "
    "coalesce(string_agg(c.source, '' ORDER BY c.ordinal), '') "
    "FROM forkdex.files f JOIN forkdex.repositories r ON r.id = f.repository_id AND r.name = 'r' "
    "LEFT JOIN forkdex.chunks c USING (repository_id, path_hash) "
    "GROUP BY f.repository_id, f.path_hash";

/// What is wrong with a file's row and chunks, if they may look like one of `texts`.
Strings wrongs(const Row& row, const std::set<std::string>& texts) {
  const auto same = std::find_if(texts.begin(), texts.end(), [&](const std::string& text) {
    return without_space(row[5]) == without_space(text);
  });
  Strings found;
  if (row[1] != "indexed") found.push_back(row[0] + " is " + row[1]);
  if (row[2] != row[4]) found.push_back(row[0] + " has " + row[4] + " chunks, not " + row[2]);
  if (same == texts.end())
    found.push_back(row[0] + " is no version that it may be: " + row[5]);
  else if (row[3] != std::to_string(same->size()))
    found.push_back(row[0] + " has the row of one version, the chunks of another");
  return found;
}

Strings look_at_rows(Connection& connection, const Allowed& allowed) {
  Allowed::Texts texts = allowed.now();
  const std::vector<Row> rows = connection.rows(kSnapshot);
  // A run may have begun or ended meanwhile.
  for (auto& [path, more] : allowed.now()) texts[path].merge(more);
  Strings found;
  if (rows.size() != texts.size())
    found.push_back(std::to_string(rows.size()) + " files, not " + std::to_string(texts.size()));
  for (const Row& row : rows) {
    const Strings wrong = wrongs(row, texts[row[0]]);
    found.insert(found.end(), wrong.begin(), wrong.end());
  }
  return found;
}

Strings look_by_search(const Database& database) {
  constexpr std::size_t kLimit = 20;
  Command command = supervisor_command({"search", "--json", "--limit", std::to_string(kLimit),
                                        "--repository", "r", "function that returns a name"});
  command.environment["DATABASE_URL"] = database.url();
  const Ended ended = run(command);
  if (ended.status != 0) return {ended.text()};
  const std::size_t hits = nlohmann::json::parse(ended.out).at("results").size();
  // What has neither a vector yet nor a word of the question is not found; what did not change is.
  constexpr std::size_t kLeast = 3 * (kFiles - kMoving);
  if (hits >= std::min(kLeast, kLimit) && hits <= kLimit) return {};
  return {std::to_string(hits) + " results, not " + std::to_string(kLeast) + " to " +
          std::to_string(kLimit)};
}

/// The files of a folder, and their versions.
class Tree {
 public:
  Tree() {
    for (int file = 0; file < kFiles; ++file) {
      write(file, 0);
      settle(file, 0);
    }
  }

  const TemporaryFolder& folder() const { return folder_; }
  const Allowed& allowed() const { return allowed_; }

  /// Has files changed from one version to the next, and indexed.
  void index_version(int version, const Database& database, const Strings& more) {
    for (int file = 0; file < kMoving; ++file) write(file, version);
    Strings options = {"--repository", "r", "--workers", "2"};
    options.insert(options.end(), more.begin(), more.end());
    const IndexRun run = index(folder_.path(), database, options);
    INFO(run.ended.text());
    REQUIRE(run.ended.status == 0);
    for (int file = 0; file < kMoving; ++file) settle(file, version);
  }

 private:
  static std::string path(int file) { return "m" + std::to_string(file) + ".py"; }
  void write(int file, int version) {
    allowed_.add(path(file), text_of(file, version));
    folder_.write(path(file), text_of(file, version));
  }
  void settle(int file, int version) { allowed_.leave(path(file), text_of(file, version)); }

  TemporaryFolder folder_;
  Allowed allowed_;
};

TEST_CASE("reader: sees each file whole, in its old or its new version, all the while") {
  Tree tree;
  const Database database;
  tree.index_version(0, database, {});
  Connection first(database.url());
  Connection second(database.url());
  Watcher reader([&] { return look_at_rows(first, tree.allowed()); });
  Watcher other([&] { return look_at_rows(second, tree.allowed()); });
  Watcher searcher([&] { return look_by_search(database); });
  for (int version = 1; version <= 2; ++version) tree.index_version(version, database, {});
  // Written anew where nothing changed, and where everything did.
  tree.index_version(2, database, {"--full"});
  tree.index_version(3, database, {"--full", "--keep-vectors", "0"});
  CHECK(reader.stop() == Strings());
  CHECK(other.stop() == Strings());
  CHECK(searcher.stop() == Strings());
  std::cout << "snapshots: " << reader.looks() + other.looks() << ", searches: " << searcher.looks()
            << "\n";
  CHECK(reader.looks() > 10);
  CHECK(searcher.looks() > 1);
}

}  // namespace
}  // namespace forkdex::test
