#include "worker/store/file_store.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "supervisor/database/repositories.h"
#include "supervisor/database/vectors.h"
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

/// A database with a repository (1) and a model of dimension 4 (1).
std::string database_with_model(const std::string& name) {
  const std::string url = fresh_database(name);
  PgConnection connection = connect(url);
  must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('repo', '/r')");
  must_run(connection,
           "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) "
           "VALUES ('small', 'bert', 4, 'x')");
  return url;
}

FileStore open_store(const std::string& url) {
  auto store = FileStore::open(url, "unit test");
  if (!store) throw std::runtime_error(store.error().text());
  return std::move(*store);
}

/// One file with a chunk for each of `sources`, and the vectors it brings.
struct Sample {
  std::string path;
  std::vector<Chunk> chunks;
  std::vector<Sha256> hashes;
  std::vector<float> values;
  std::vector<StoredVector> vectors;

  Sample(std::string name, const std::vector<std::string>& sources) : path(std::move(name)) {
    values.reserve(4 * sources.size());
    for (const std::string& source : sources) {
      Chunk chunk;
      chunk.ordinal = static_cast<std::uint32_t>(chunks.size());
      chunk.kind = ChunkKind::kFunction;
      chunk.name = "name of " + source;
      chunk.source = source;
      chunk.metadata = R"({"part": 1})";
      chunks.push_back(chunk);
      hashes.push_back(sha256(source));
      for (int i = 0; i < 4; ++i) values.push_back(static_cast<float>(hashes.back()[0]) / 8);
    }
    for (std::size_t i = 0; i < hashes.size(); ++i)
      vectors.emplace_back(hashes[i], std::span<const float>(values).subspan(4 * i, 4));
  }

  StoredFile file(bool with_vectors = true) const {
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
    stored.views.code.model_id = 1;
    stored.views.code.hashes = hashes;
    if (with_vectors) stored.views.code.vectors = vectors;
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
  const std::string url = database_with_model("store_early");
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

TEST_CASE("file store: a file's row, chunks and vectors are there after the commit", "[postgres]") {
  const std::string url = database_with_model("store_rows");
  FileStore store = open_store(url);
  const Sample sample("src/a.py", {"def a(): pass", "def b(): pass", "def a(): pass"});
  CHECK(*store.known_vectors(1, sample.hashes) == std::vector<bool>{false, false, false});
  REQUIRE(text_of(store.store(sample.file())) == "");
  CHECK(*store.known_vectors(1, sample.hashes) == std::vector<bool>{true, true, true});
  CHECK(*store.known_vectors(2, sample.hashes) == std::vector<bool>{false, false, false});

  PgConnection connection = connect(url);
  CHECK(sources_of(connection, "src/a.py") == "def a(): pass|def b(): pass|def a(): pass");
  CHECK(count(connection, "vectors") == 2);
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
  const PgRows vector = must_run(connection,
                                 "SELECT embedding FROM forkdex.vectors WHERE content_hash = "
                                 "sha256('def a(): pass')");
  const float value = static_cast<float>(sample.hashes[0][0]) / 8;
  CHECK(std::stof(std::string(vector.text(0, 0)).substr(1)) == value);
}

TEST_CASE("file store: storing again replaces all of a file and nothing of another", "[postgres]") {
  const std::string url = database_with_model("store_replace");
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
  const std::string url = database_with_model("store_path");
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

TEST_CASE("file store: names the vectors that are missing and stores nothing then", "[postgres]") {
  const std::string url = database_with_model("store_missing");
  FileStore store = open_store(url);
  REQUIRE(text_of(store.store(Sample("a", {"old"}).file())) == "");
  const Sample fresh("a", {"old", "new"});
  const auto missing = store.store(fresh.file(false));
  REQUIRE(text_of(missing) == "");
  REQUIRE(missing->size() == 1);
  CHECK(missing->front().model_id == 1);
  CHECK(missing->front().hash == sha256("new"));
  PgConnection connection = connect(url);
  CHECK(sources_of(connection, "a") == "old");
  const auto stored = store.store(fresh.file());
  CHECK(stored->empty());
  CHECK(sources_of(connection, "a") == "old|new");
}

TEST_CASE("file store: each view has its hashes, its model and its vectors", "[postgres]") {
  const std::string url = database_with_model("store_views");
  FileStore store = open_store(url);
  PgConnection connection = connect(url);
  must_run(connection,
           "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) VALUES "
           "('text', 'bert', 4, '\\x02')");
  const Sample code("a", {"one", "two"});
  const Sample words("a", {"words of one", "words of both"});
  const auto in_model = [&](const std::string& model) {
    return one(connection, "SELECT count(*) FROM forkdex.vectors WHERE model_id = " + model);
  };
  for (const std::int64_t text_model : {2, 1}) {
    StoredFile file = code.file();
    file.views.text = {text_model, words.hashes, {}};
    const auto missing = store.store(file);
    REQUIRE(text_of(missing) == "");
    REQUIRE(missing->size() == 2);
    CHECK(missing->front().model_id == text_model);
    file.views.text.vectors = words.vectors;
    CHECK(store.store(file)->empty());
    CHECK(one(connection,
              "SELECT string_agg((text_hash = sha256(('words of ' || w)::bytea))::text,"
              " ' ' ORDER BY ordinal) FROM forkdex.chunks JOIN (VALUES (0, 'one'), "
              "(1, 'both')) AS v (n, w) ON n = ordinal") == "true true");
  }
  CHECK(in_model("1") == "4");
  CHECK(in_model("2") == "2");

  // Neither view asks for vectors where nothing embeds it.
  const Sample unseen("b", {"three"});
  StoredFile off = unseen.file(false);
  off.views.code.model_id = 0;
  CHECK(store.store(off)->empty());
  CHECK(one(connection, "SELECT text_hash IS NULL FROM forkdex.chunks WHERE path = 'b'") == "t");
}

TEST_CASE("file store: vectors may be stored ahead of their file", "[postgres]") {
  const std::string url = database_with_model("store_ahead");
  FileStore store = open_store(url);
  const Sample sample("a", {"one", "two", "one"});
  REQUIRE(text_of(store.store_vectors(1, sample.vectors)) == "");
  REQUIRE(text_of(store.store_vectors(1, sample.vectors)) == "");  // again is harmless
  CHECK(*store.known_vectors(1, sample.hashes) == std::vector<bool>{true, true, true});
  PgConnection connection = connect(url);
  CHECK(count(connection, "files") == 0);
  const auto stored = store.store(sample.file(false));
  REQUIRE(text_of(stored) == "");
  CHECK(stored->empty());
  CHECK(sources_of(connection, "a") == "one|two|one");
  CHECK(count(connection, "vectors") == 2);
}

TEST_CASE("file store: a refused row costs this call, neither the old rows nor the next file",
          "[postgres]") {
  const std::string url = database_with_model("store_refused");
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
  const std::string url = database_with_model("store_lost");
  FileStore store = open_store(url);
  PgConnection admin = connect(url);
  must_run(admin,
           "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
           "WHERE datname = current_database() AND pid <> pg_backend_pid() "
           "AND backend_type = 'client backend'");
  CHECK(store.store(Sample("a", {"x"}).file()).error().code == ErrorCode::kDatabaseLost);
  CHECK(store.known_vectors(1, Sample("a", {"x"}).hashes).error().code == ErrorCode::kDatabaseLost);
  CHECK(sources_of(admin, "a").empty());
}

TEST_CASE("file store: what a run has stored is recognised, and nothing else is", "[postgres]") {
  const std::string url = database_with_model("file_store_doubt");
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
  const std::string url = database_with_model("file_store_lock");
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
  const std::string url = database_with_model("file_store_deadlock");
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
  const std::string url = database_with_model("file_store_limits");
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

TEST_CASE("file store: writers of the same texts and a collector never lose a vector in use",
          "[postgres]") {
  const std::string url = database_with_model("store_race");
  constexpr unsigned kSeed = 20;
  INFO("seed " << kSeed);
  constexpr int kWriters = 4;
  constexpr int kFiles = 60;
  std::vector<std::string> errors(kWriters + 1);
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      FileStore store = open_store(url);
      std::mt19937 random(kSeed + static_cast<unsigned>(writer));
      std::string& error = errors[static_cast<std::size_t>(writer)];
      for (int n = 0; n < kFiles && error.empty(); ++n) {
        // Twelve texts out of forty: writers meet, and texts fall out of use and come back.
        std::vector<std::string> sources;
        for (int i = 0; i < 12; ++i) sources.push_back("text " + std::to_string(random() % 40));
        const Sample sample(std::to_string(writer) + "/" + std::to_string(n % 5), sources);
        auto missing = store.store(sample.file(n % 2 == 0));
        if (missing && !missing->empty()) missing = store.store(sample.file());
        if (!missing)
          error = missing.error().text();
        else if (!missing->empty())
          error = "vectors missing though all were given";
      }
      --writing;
    });
  threads.emplace_back([&] {
    PgConnection connection = connect(url);
    while (writing > 0 && errors.back().empty()) {
      const auto collected = collect_vectors(connection);
      if (!collected) errors.back() = collected.error().text();
    }
  });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
  PgConnection connection = connect(url);
  CHECK(count(connection, "files") == kWriters * 5);
  CHECK(must_run(connection,
                 "SELECT count(*) FROM forkdex.chunks c WHERE NOT EXISTS (SELECT FROM "
                 "forkdex.vectors v WHERE v.model_id = 1 AND v.content_hash = c.content_hash)")
            .integer(0, 0) == 0);
  CHECK(must_run(connection,
                 "SELECT count(*) FROM forkdex.files f WHERE chunk_count <> (SELECT count(*) FROM "
                 "forkdex.chunks c WHERE (c.repository_id, c.path_hash) = "
                 "(f.repository_id, f.path_hash))")
            .integer(0, 0) == 0);
}

}  // namespace
}  // namespace forkdex
