#include "worker/store/file_store.h"

#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

template <class T>
std::string text_of(const Result<T>& result) {
  return result ? "" : result.error().text();
}

/// A database with a repository (1).
std::string database_with_repository(const std::string& name) {
  const std::string url = fresh_database(name);
  PgConnection connection = connect(url);
  must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('repo', '/r')");
  return url;
}

FileStore open_store(const std::string& url) {
  auto store = FileStore::open(url, "unit test");
  if (!store) throw std::runtime_error(store.error().text());
  return std::move(*store);
}

/// One file with a chunk for each of `sources`.
struct Sample {
  std::string path;
  std::vector<Chunk> chunks;
  std::vector<Sha256> hashes;

  Sample(std::string name, const std::vector<std::string>& sources) : path(std::move(name)) {
    for (const std::string& source : sources) {
      Chunk chunk;
      chunk.ordinal = static_cast<std::uint32_t>(chunks.size());
      chunk.kind = ChunkKind::kFunction;
      chunk.name = "name of " + source;
      chunk.source = source;
      chunk.metadata = R"({"part": 1})";
      chunks.push_back(chunk);
      hashes.push_back(sha256(source));
    }
  }

  StoredFile file() const {
    StoredFile stored;
    stored.repository_id = 1;
    stored.path = path;
    stored.content_hash = sha256(path);
    stored.facts.language = "python";
    stored.verdict.state = chunks.empty() ? FileState::kEmpty : FileState::kIndexed;
    stored.facts.bytes = 10;
    stored.facts.signature = {10, 20, 30, 0xffff'ffff'ffff'ffffu, 50};
    stored.recipe = "recipe";
    stored.chunks = chunks;
    stored.hashes.code = hashes;
    return stored;
  }
};

std::string sources_of(PgConnection& connection, const std::string& path) {
  const auto rows = connection.run(
      "SELECT coalesce(string_agg(source, '|' ORDER BY ordinal), '') FROM forkdex.chunks "
      "WHERE path = $1",
      {path});
  return std::string(rows->text(0, 0));
}

std::int64_t count(PgConnection& connection, const std::string& table) {
  return must_run(connection, "SELECT count(*) FROM forkdex." + table).integer(0, 0);
}

std::string one(PgConnection& connection, const std::string& sql) {
  return std::string(must_run(connection, sql).text(0, 0));
}

TEST_CASE("file store: a commit that does not wait for the disk is carried there by the next",
          "[postgres]") {
  const std::string url = database_with_repository("store_early");
  FileStore store = open_store(url);
  PgConnection connection = connect(url);
  const std::string at = "SELECT pg_current_wal_insert_lsn()";
  for (int round = 0; round < 20; ++round) {
    const Sample early("early.py", {"def a(): return " + std::to_string(round)});
    StoredFile file = early.file();
    file.waits_for_disk = false;
    REQUIRE(text_of(store.store(file)) == "");
    CHECK(sources_of(connection, "early.py") == early.chunks[0].source);
    const std::string behind_early = one(connection, at);
    REQUIRE(text_of(store.store(Sample("late.py", {}).file())) == "");
    CHECK(one(connection, "SELECT pg_current_wal_flush_lsn() >= '" + behind_early + "'") == "t");
  }
}

TEST_CASE("file store: a file's row and chunks are there after the commit", "[postgres]") {
  const std::string url = database_with_repository("store_rows");
  FileStore store = open_store(url);
  const Sample sample("src/a.py", {"def a(): pass", "def b(): pass", "def a(): pass"});
  REQUIRE(text_of(store.store(sample.file())) == "");

  PgConnection connection = connect(url);
  CHECK(sources_of(connection, "src/a.py") == "def a(): pass|def b(): pass|def a(): pass");
  const PgRows row = must_run(connection,
                              "SELECT state, language, chunk_count, bytes, recipe, inode, "
                              "blob_oid IS NULL, content_hash = sha256('src/a.py'), "
                              "path_hash = sha256('src/a.py') FROM forkdex.files");
  REQUIRE(row.size() == 1);
  CHECK(row.text(0, 0) == "indexed");
  CHECK(row.text(0, 1) == "python");
  CHECK(row.integer(0, 2) == 3);
  CHECK(row.integer(0, 3) == 10);
  CHECK(row.text(0, 4) == "recipe");
  CHECK(row.integer(0, 5) == -1);
  CHECK(row.text(0, 6) == "t");
  CHECK(row.text(0, 7) == "t");
  CHECK(row.text(0, 8) == "t");
}

TEST_CASE("file store: storing again replaces all of a file and nothing of another", "[postgres]") {
  const std::string url = database_with_repository("store_replace");
  FileStore store = open_store(url);
  REQUIRE(text_of(store.store(Sample("a", {"one", "two"}).file())) == "");
  REQUIRE(text_of(store.store(Sample("b", {"one"}).file())) == "");
  REQUIRE(text_of(store.store(Sample("a", {"three"}).file())) == "");
  PgConnection connection = connect(url);
  CHECK(sources_of(connection, "a") == "three");
  CHECK(sources_of(connection, "b") == "one");
  REQUIRE(text_of(store.store(Sample("a", {}).file())) == "");
  CHECK(sources_of(connection, "a").empty());
  CHECK(must_run(connection, "SELECT state FROM forkdex.files WHERE path = 'a'").text(0, 0) ==
        "empty");
  CHECK(count(connection, "files") == 2);
}

TEST_CASE("file store: a path that is not UTF-8 is stored escaped, with its bytes beside it",
          "[postgres]") {
  const std::string url = database_with_repository("store_path");
  FileStore store = open_store(url);
  REQUIRE(text_of(store.store(Sample("caf\xe9\\", {"x"}).file())) == "");
  PgConnection connection = connect(url);
  const PgRows row =
      must_run(connection,
               "SELECT f.path, f.raw_path, c.path FROM forkdex.files f JOIN forkdex.chunks c "
               "USING (repository_id, path_hash)");
  REQUIRE(row.size() == 1);
  CHECK(row.text(0, 0) == "caf\\xe9\\\\");
  CHECK(bytes_from_bytea(row.text(0, 1)) == "caf\xe9\\");
  CHECK(row.text(0, 2) == row.text(0, 0));
}

TEST_CASE("file store: a text view and its hash are stored where they are given", "[postgres]") {
  const std::string url = database_with_repository("store_views");
  FileStore store = open_store(url);
  PgConnection connection = connect(url);
  Sample sample("a", {"one", "two"});
  sample.chunks[0].text_view = "words of one";
  sample.chunks[1].text_view = "words of two";
  const std::vector<Sha256> words = {sha256("words of one"), sha256("words of two")};
  StoredFile file = sample.file();
  file.hashes.text = words;
  REQUIRE(text_of(store.store(file)) == "");
  CHECK(one(connection,
            "SELECT string_agg(text_view || ' ' || (text_hash = sha256(text_view::bytea))::text, "
            "', ' ORDER BY ordinal) FROM forkdex.chunks") ==
        "words of one true, words of two true");
  REQUIRE(text_of(store.store(sample.file())) == "");
  CHECK(one(connection,
            "SELECT count(*) FROM forkdex.chunks WHERE text_hash IS NULL AND text_view IS NULL") ==
        "2");
}

TEST_CASE("file store: a refused row costs this call, neither the old rows nor the next file",
          "[postgres]") {
  const std::string url = database_with_repository("store_refused");
  FileStore store = open_store(url);
  REQUIRE(text_of(store.store(Sample("a", {"old"}).file())) == "");
  const auto refused = store.store(Sample("a", {std::string("nul \0 byte", 10)}).file());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kRowRefused);
  Sample bad_json("a", {"x"});
  bad_json.chunks[0].metadata = "{";
  CHECK(store.store(bad_json.file()).error().code == ErrorCode::kRowRefused);
  PgConnection connection = connect(url);
  CHECK(sources_of(connection, "a") == "old");
  CHECK(text_of(store.store(Sample("b", {"next"}).file())) == "");
}

TEST_CASE("file store: a lost connection is told apart from a refused file", "[postgres]") {
  const std::string url = database_with_repository("store_lost");
  FileStore store = open_store(url);
  PgConnection admin = connect(url);
  must_run(admin,
           "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
           "WHERE datname = current_database() AND pid <> pg_backend_pid() "
           "AND backend_type = 'client backend'");
  CHECK(store.store(Sample("a", {"x"}).file()).error().code == ErrorCode::kDatabaseLost);
  CHECK(sources_of(admin, "a").empty());
}

TEST_CASE("file store: what a run has stored is recognised, and nothing else is", "[postgres]") {
  const std::string url = database_with_repository("file_store_doubt");
  PgConnection connection = connect(url);
  const auto begin_run = [&] {
    const PgRows rows =
        must_run(connection, "INSERT INTO forkdex.runs (repository_id) VALUES (1) RETURNING id");
    return rows.integer(0, 0);
  };
  FileStore store = open_store(url);
  const Sample sample("a.py", {"one", "two"});
  const std::int64_t first = begin_run();
  REQUIRE(store.stored_by_run(first, sample.file()).ok());
  CHECK_FALSE(*store.stored_by_run(first, sample.file()));
  REQUIRE(text_of(store.store(sample.file())) == "");
  const auto found = *store.stored_by_run(first, sample.file());
  REQUIRE(found);
  CHECK(found->verdict.state == FileState::kIndexed);
  CHECK(found->chunks == 2);
  CHECK(found->language == "python");
  StoredFile other = sample.file();
  other.content_hash = sha256("other bytes");
  CHECK_FALSE(*store.stored_by_run(first, other));
  other = sample.file();
  other.recipe = "another recipe";
  CHECK_FALSE(*store.stored_by_run(first, other));
  // What an earlier run stored is no proof of what this one did.
  CHECK_FALSE(*store.stored_by_run(begin_run(), sample.file()));
}

TEST_CASE("file store: a lock that somebody keeps is waited for no longer than told",
          "[postgres]") {
  const std::string url = database_with_repository("file_store_lock");
  auto store = FileStore::open(url, "unit test", std::chrono::milliseconds(50));
  REQUIRE(store.ok());
  PgConnection other = connect(url);
  must_run(other, "BEGIN; LOCK TABLE forkdex.files IN EXCLUSIVE MODE");
  const Sample sample("a.py", {"one"});
  const auto refused = store->store(sample.file());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kDatabaseBusy);
  must_run(other, "ROLLBACK");
  CHECK(text_of(store->store(sample.file())) == "");
}

TEST_CASE("file store: a deadlock is tried again until it is stored", "[postgres]") {
  const std::string url = database_with_repository("file_store_deadlock");
  FileStore store = open_store(url);
  const Sample first("a.py", {"one"});
  REQUIRE(text_of(store.store(first.file())) == "");
  // The other holds the file's row and waits for its chunks, which the store has deleted and holds.
  PgConnection other = connect(url);
  must_run(other,
           "SET deadlock_timeout = '10s'; BEGIN; "
           "SELECT 1 FROM forkdex.files WHERE path = 'a.py' FOR UPDATE");
  std::thread waits([&] {
    PgConnection watching = connect(url);
    const std::string blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND application_name = 'unit test'";
    while (must_run(watching, blocked).integer(0, 0) == 0) std::this_thread::yield();
    must_run(other, "SELECT 1 FROM forkdex.chunks WHERE path = 'a.py' FOR UPDATE; COMMIT");
  });
  const Sample again("a.py", {"one", "two"});
  const auto stored = store.store(again.file());
  waits.join();
  CHECK(text_of(stored) == "");
  CHECK(sources_of(other, "a.py") == "one|two");
}

TEST_CASE("file store: a time limit that the role was given for other clients is lifted",
          "[postgres]") {
  const std::string url = database_with_repository("file_store_limits");
  PgConnection connection = connect(url);
  must_run(connection,
           "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 20', "
           "current_database()); END $$");
  FileStore store = open_store(url);
  std::vector<std::string> sources;
  for (int i = 0; i < 2000; ++i) sources.push_back("source " + std::to_string(i));
  const Sample large("large.py", sources);
  CHECK(text_of(store.store(large.file())) == "");
}

TEST_CASE("file store: writers of the same paths leave each file whole", "[postgres]") {
  const std::string url = database_with_repository("store_race");
  constexpr unsigned kSeed = 20;
  INFO("seed " << kSeed);
  constexpr int kWriters = 4;
  constexpr int kFiles = 60;
  std::vector<std::string> errors(kWriters);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      FileStore store = open_store(url);
      std::mt19937 random(kSeed + static_cast<unsigned>(writer));
      std::string& error = errors[static_cast<std::size_t>(writer)];
      for (int n = 0; n < kFiles && error.empty(); ++n) {
        std::vector<std::string> sources(1 + random() % 12, "text of " + std::to_string(writer));
        error = text_of(store.store(Sample(std::to_string(n % 5), sources).file()));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
  PgConnection connection = connect(url);
  CHECK(count(connection, "files") == 5);
  CHECK(must_run(connection,
                 "SELECT count(*) FROM forkdex.files f WHERE chunk_count <> (SELECT count(*) FROM "
                 "forkdex.chunks c WHERE (c.repository_id, c.path_hash) = "
                 "(f.repository_id, f.path_hash)) OR 1 <> (SELECT count(DISTINCT source) FROM "
                 "forkdex.chunks c WHERE (c.repository_id, c.path_hash) = "
                 "(f.repository_id, f.path_hash))")
            .integer(0, 0) == 0);
}

}  // namespace
}  // namespace forkdex
