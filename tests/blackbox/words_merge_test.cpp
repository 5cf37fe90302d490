// The word index over many runs: segments are merged, words of what is gone are not found, and a
// search meanwhile sees each file in its old or its new edition.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/blackbox/words_fixture.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

const Strings kNoHits;

long segments(const Database& database) { return count_rows(database, "word_segments"); }

/// Chunks that no segment covers.
long unmerged(const Database& database) {
  return std::stol(
      database.value("SELECT count(*) FROM forkdex.chunks c WHERE NOT EXISTS (SELECT FROM "
                     "forkdex.word_segments s WHERE s.repository_id = c.repository_id AND "
                     "c.id BETWEEN s.first_chunk AND s.last_chunk)"));
}

/// The hits in one file that a word has, in order of their places.
Strings hits_in(const Database& database, const std::string& path, const std::string& word) {
  Strings hits = words_hits(database, {"--limit", "1000", "--path", path, word});
  std::sort(hits.begin(), hits.end());
  return hits;
}

/// Checks that `database` answers as one does that was indexed anew.
void check_as_anew(const fs::path& root, const Database& database, const Strings& queries) {
  const Database anew;
  index_words(root, anew);
  for (const std::string& query : queries) {
    INFO(query);
    const auto sorted_hits = [&](const Database& asked) {
      Strings hits = words_hits(asked, {"--limit", "1000", query});
      std::sort(hits.begin(), hits.end());
      return hits;
    };
    CHECK(sorted_hits(database) == sorted_hits(anew));
  }
}

TEST_CASE("words: after files changed, moved and went, new words are found and no old ones") {
  const TemporaryFolder folder;
  for (const char* file : {"a", "b", "c"})
    folder.write(std::string(file) + ".py", definitions(file, 450, 1));
  const Database database;
  index_words(folder.path(), database);
  CHECK(segments(database) == 1);
  CHECK(unmerged(database) == 0);
  CHECK(words_hits(database, {definition("b", 449, 1)}) == Strings{place("b", 449)});
  CHECK(hits_in(database, "c.py", edition(1)).size() == 450);

  // Few are new, so that nothing is merged.
  folder.write("a.py", definitions("a", 300, 2));
  index_words(folder.path(), database);
  CHECK(segments(database) == 1);
  CHECK(unmerged(database) == 300);
  CHECK(words_hits(database, {definition("a", 7, 2)}) == Strings{place("a", 7)});
  CHECK(words_hits(database, {definition("a", 7, 1)}) == kNoHits);
  CHECK(hits_in(database, "a.py", edition(1)) == kNoHits);
  CHECK(hits_in(database, "a.py", edition(2)).size() == 300);
  CHECK(words_hits(database, {definition("b", 7, 1)}) == Strings{place("b", 7)});

  // Most of the segment is gone.
  fs::remove(folder.path() / "b.py");
  index_words(folder.path(), database);
  CHECK(words_hits(database, {definition("b", 7, 1)}) == kNoHits);
  CHECK(words_hits(database, {definition("a", 7, 2)}) == Strings{place("a", 7)});
  CHECK(words_hits(database, {definition("c", 7, 1)}) == Strings{place("c", 7)});
  CHECK(database.value("SELECT sum(chunks) FROM forkdex.word_segments") == "450");

  fs::rename(folder.path() / "c.py", folder.path() / "shelf.py");
  index_words(folder.path(), database);
  CHECK(words_hits(database, {definition("c", 7, 1)}) == Strings{"shelf.py:29"});
  CHECK(hits_in(database, "c.py", edition(1)) == kNoHits);
  CHECK(hits_in(database, "shelf.py", "shelf").size() == 450);
  CHECK(segments(database) == 1);
  CHECK(unmerged(database) == 0);
  check_as_anew(folder.path(), database, {edition(1), edition(2), "shelf", "def return"});

  for (const char* file : {"a.py", "shelf.py"}) fs::remove(folder.path() / file);
  folder.write("last.py", "def alone():\n    return 1\n");
  index_words(folder.path(), database);
  CHECK(segments(database) == 0);
  CHECK(count_rows(database, "word_postings") == 0);
  CHECK(words_hits(database, {"alone"}) == Strings{"last.py:1"});
  CHECK(words_hits(database, {edition(2) + " " + edition(1) + " shelf"}) == kNoHits);
}

TEST_CASE("words: many runs leave few segments, and those that are full of life") {
  const TemporaryFolder folder;
  folder.write("still.py", definitions("still", 600, 0));
  const Database database;
  for (int run = 1; run <= 8; ++run) {
    folder.write("moving.py", definitions("moving", 600, run));
    index_words(folder.path(), database, run % 4 == 0 ? Strings{"--full"} : Strings());
    INFO("run " << run);
    CHECK(segments(database) <= 3);
    CHECK(unmerged(database) < 512);
    CHECK(std::stol(database.value("SELECT sum(chunks) FROM forkdex.word_segments")) <= 2L * 1200);
    CHECK(words_hits(database, {definition("moving", 599, run)}) == Strings{place("moving", 599)});
    CHECK(words_hits(database, {definition("moving", 599, run - 1)}) == kNoHits);
    CHECK(words_hits(database, {definition("still", 599, 0)}) == Strings{place("still", 599)});
  }
  check_as_anew(folder.path(), database, {edition(8), edition(7)});
}

TEST_CASE("words: two shards at once, and the run after them, lose no chunk and double none") {
  const TemporaryFolder folder;
  for (int file = 0; file < 8; ++file)
    folder.write("f" + letters(file) + ".py", definitions("f" + letters(file), 200, 1));
  const Database database;
  const TemporaryFolder reports;
  const auto shard = [&](const std::string& which) {
    return index_command(folder.path(), database, reports / (which.substr(0, 1) + ".json"),
                         {"--no-vectors", "--repository", "r", "--workers", "1", "--shard", which});
  };
  {
    Program first(shard("1/2"));
    Program second(shard("2/2"));
    const Ended ended[] = {first.wait(), second.wait()};
    for (const Ended& one : ended) {
      INFO(one.text());
      CHECK(one.status == 0);
    }
  }
  CHECK(words_hits(database, {definition("fh", 199, 1)}) == Strings{place("fh", 199)});
  CHECK(files_in(index_words(folder.path(), database).report, "unchanged") == 8);
  // Those that one shard stored after the other one had looked, if there are few of them.
  const long left = unmerged(database);
  CHECK(left < 512);
  CHECK(std::stol(database.value("SELECT sum(chunks) FROM forkdex.word_segments")) + left == 1600);
  for (int file = 0; file < 8; ++file)
    CHECK(hits_in(database, "f" + letters(file) + ".py", edition(1)).size() == 200);
}

TEST_CASE("words: a damaged segment is warned of, and made anew by --full") {
  const TemporaryFolder folder;
  folder.write("a.py", definitions("a", 600, 1));
  folder.write("b.py", definitions("b", 100, 1));
  const Database database;
  index_words(folder.path(), database);
  database.rows("CREATE TABLE whole AS TABLE forkdex.word_segments");
  for (const char* damage :
       {"UPDATE forkdex.word_segments SET documents = '\\x00'",
        "UPDATE forkdex.word_segments SET bits = 99",
        "UPDATE forkdex.word_segments SET chunks = -1",
        "UPDATE forkdex.word_postings SET postings = decode(repeat('ff', 99), 'hex')"}) {
    INFO(damage);
    database.rows(
        "UPDATE forkdex.word_segments s SET documents = whole.documents, bits = whole.bits, "
        "chunks = whole.chunks FROM whole WHERE whole.id = s.id");
    CHECK(words_hits(database, {definition("a", 7, 1)}) == Strings{place("a", 7)});
    database.rows(damage);
    const Ended ended = run(words_command(database, {definition("a", 7, 1)}));
    INFO(ended.text());
    CHECK(ended.status == 0);
    CHECK(ended.err.find("index with --full") != std::string::npos);
    CHECK(ended.out.find("\"a.py\"") != std::string::npos);
  }
  index_words(folder.path(), database, {"--full"});
  CHECK(segments(database) == 1);
  CHECK(words_hits(database, {definition("a", 7, 1)}) == Strings{place("a", 7)});
}

TEST_CASE("words: equal hits are shown by path and line, whichever was stored first") {
  const TemporaryFolder folder;
  const Database database;
  for (const char* file : {"b", "a"}) {
    folder.write(std::string(file) + ".py", definitions(file, 100, 1));
    index_words(folder.path(), database);
  }
  CHECK(words_hits(database, {"--limit", "3", edition(1)}) ==
        Strings{place("a", 0), place("a", 1), place("a", 2)});
}

/// Asks for the words of two editions of one file, again and again, on a thread of its own.
class Searcher {
 public:
  Searcher(const Database& database, std::string file, int count)
      : file_(std::move(file)), count_(count), thread_([this, &database] {
          while (!stopped_ && complaint_.empty()) look(database);
        }) {}
  ~Searcher() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Searcher(const Searcher&) = delete;
  Searcher& operator=(const Searcher&) = delete;

  /// Before a run that makes `next` of what is `now`.
  void expect(int now, int next) { allowed_ = now * 100 + next; }
  std::string stop() {
    stopped_ = true;
    thread_.join();
    return complaint_;
  }
  int looks() const { return looks_; }

 private:
  void look(const Database& database) {
    const int before = allowed_;
    const Ended ended =
        run(words_command(database, {"--limit", "1000", "--path", file_ + ".py", "--", query()}));
    const int after = allowed_;
    ++looks_;
    if (ended.status != 0 || !ended.err.empty()) {
      complaint_ = "failed: " + ended.text();
      return;
    }
    std::set<std::string> editions;
    std::size_t hits = 0;
    const auto answer = nlohmann::json::parse(ended.out);
    for (const auto& result : answer.at("results")) {
      const std::string name = result.at("name");
      editions.insert(name.substr(name.rfind('x') + 1));
      ++hits;
    }
    bool is_known = false;
    for (const int allowed : {before / 100, before % 100, after / 100, after % 100})
      is_known = is_known || editions == std::set<std::string>{letters(allowed)};
    if (!is_known || hits != static_cast<std::size_t>(count_))
      complaint_ = std::to_string(hits) + " hits of " + std::to_string(editions.size()) +
                   " editions, first " + (editions.empty() ? "none" : *editions.begin()) + ", of " +
                   std::to_string(before) + " to " + std::to_string(after);
  }
  static std::string query() {
    std::string words;
    for (int i = 0; i < 8; ++i) words += edition(i) + " ";
    return words;
  }

  const std::string file_;
  const int count_;
  std::atomic<int> allowed_ = 0;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> looks_ = 0;
  std::string complaint_;  // the thread's until it is joined
  std::thread thread_;
};

TEST_CASE("words: a search sees each file in its old or its new edition, whatever a run does") {
  const TemporaryFolder folder;
  const auto write = [&](int of) {
    for (const char* file : {"a", "b", "c", "d"})
      folder.write(std::string(file) + ".py", definitions(file, 300, of));
  };
  write(0);
  const Database database;
  index_words(folder.path(), database);
  Searcher first(database, "a", 300);
  Searcher last(database, "d", 300);
  for (int of = 1; of <= 3; ++of) {
    for (Searcher* searcher : {&first, &last}) searcher->expect(of - 1, of);
    write(of);
    index_words(folder.path(), database, of == 2 ? Strings{"--full"} : Strings());
    for (Searcher* searcher : {&first, &last}) searcher->expect(of, of);
    if (of == 3) index_words(folder.path(), database, {"--full"});
  }
  CHECK(first.stop() == "");
  CHECK(last.stop() == "");
  CHECK(first.looks() > 10);
  CHECK(last.looks() > 10);
}

}  // namespace
}  // namespace forkdex::test
