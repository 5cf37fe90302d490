#include "worker/store/vector_store.h"

#include <atomic>
#include <random>
#include <thread>

#include <catch2/catch.hpp>

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

VectorStore open_store(PgConnection& connection) {
  auto store = VectorStore::open(connection);
  if (!store) throw std::runtime_error(store.error().text());
  return *std::move(store);
}

std::vector<Sha256> hashes_of(const std::vector<std::string>& texts) {
  std::vector<Sha256> hashes;
  for (const std::string& text : texts) hashes.push_back(sha256(text));
  return hashes;
}

/// A vector for each text, by its hash.
struct Vectors {
  std::vector<float> values;
  std::vector<StoredVector> stored;

  explicit Vectors(const std::vector<std::string>& texts) {
    const std::vector<Sha256> hashes = hashes_of(texts);
    for (const Sha256& hash : hashes)
      for (std::size_t i = 0; i < 4; ++i) values.push_back(static_cast<float>(hash[i]) / 8);
    for (std::size_t i = 0; i < hashes.size(); ++i)
      stored.emplace_back(hashes[i], std::span<const float>(values).subspan(4 * i, 4));
  }
};

void add_chunk(PgConnection& connection, const std::string& path, const std::string& source,
               const std::string& view) {
  const auto added = connection.run(
      "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
      "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
      "start_byte, end_byte, source, content_hash, text_hash, metadata, text_view) VALUES "
      "(1, sha256(convert_to($1, 'UTF8')), $1, 0, 'function', '', '', '', '', '', 1, 1, 1, 0, 1, "
      "$2, "
      "sha256(convert_to($2, 'UTF8')), sha256(convert_to($3, 'UTF8')), '{}', $3)",
      {path, source, view});
  if (!added) throw std::runtime_error(added.error().text());
}

TEST_CASE("vector store: vectors are known once they are stored, under their model alone",
          "[postgres]") {
  const std::string url = database_with_model("vectors_known");
  PgConnection connection = connect(url);
  VectorStore store = open_store(connection);
  const std::vector<std::string> texts = {"one", "two", "one"};
  CHECK(*store.known(1, hashes_of(texts)) == std::vector<bool>{false, false, false});
  REQUIRE(text_of(store.store(1, Vectors(texts).stored)) == "");
  REQUIRE(text_of(store.store(1, Vectors(texts).stored)) == "");  // again is harmless
  CHECK(*store.known(1, hashes_of(texts)) == std::vector<bool>{true, true, true});
  CHECK(*store.known(2, hashes_of(texts)) == std::vector<bool>{false, false, false});
  CHECK(store.known(1, {})->empty());
  const PgRows rows = must_run(
      connection, "SELECT embedding FROM forkdex.vectors WHERE content_hash = sha256('two')");
  REQUIRE(rows.size() == 1);
  CHECK(std::stof(std::string(rows.text(0, 0)).substr(1)) ==
        static_cast<float>(sha256("two")[0]) / 8);
}

TEST_CASE("vector store: texts come from where their hashes stand, in order, without those gone",
          "[postgres]") {
  const std::string url = database_with_model("vectors_texts");
  PgConnection connection = connect(url);
  add_chunk(connection, "a", "code of a", "words of a");
  add_chunk(connection, "b", "code of \xc3\xa9", "words of b");
  must_run(connection,
           "INSERT INTO forkdex.commits (repository_id, oid, author, authored_at, message, files, "
           "file_count, content_hash) VALUES (1, 'x', '', now(), 'Mend it', '{}', 0, "
           "sha256('Mend it'))");
  VectorStore store = open_store(connection);
  const auto code =
      store.texts(TextSource::kCode, hashes_of({"code of \xc3\xa9", "words of a", "code of a"}));
  REQUIRE(text_of(code) == "");
  CHECK(code->texts == std::vector<std::string>{"code of \xc3\xa9", "code of a"});
  CHECK(code->hashes == hashes_of(code->texts));
  const auto words = store.texts(TextSource::kText, hashes_of({"words of b", "code of a"}));
  REQUIRE(text_of(words) == "");
  CHECK(words->texts == std::vector<std::string>{"words of b"});
  const auto messages = store.texts(TextSource::kMessage, hashes_of({"Mend it", "code of a"}));
  REQUIRE(text_of(messages) == "");
  CHECK(messages->texts == std::vector<std::string>{"Mend it"});
  CHECK(store.texts(TextSource::kCode, {})->texts.empty());
}

TEST_CASE("vector store: a lost connection -> said to be lost", "[postgres]") {
  const std::string url = database_with_model("vectors_lost");
  PgConnection connection = connect(url);
  VectorStore store = open_store(connection);
  PgConnection admin = connect(url);
  must_run(admin,
           "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
           "WHERE datname = current_database() AND pid <> pg_backend_pid() "
           "AND backend_type = 'client backend'");
  CHECK(store.known(1, hashes_of({"x"})).error().code == ErrorCode::kDatabaseLost);
}

TEST_CASE("vector store: writers of the same texts beside a collector -> no deadlock, no doubles",
          "[postgres]") {
  const std::string url = database_with_model("vectors_race");
  {
    PgConnection connection = connect(url);
    for (int i = 0; i < 20; ++i)
      add_chunk(connection, std::to_string(i), "text " + std::to_string(i), "");
  }
  constexpr unsigned kSeed = 20;
  INFO("seed " << kSeed);
  constexpr int kWriters = 4;
  std::vector<std::string> errors(kWriters + 1);
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      PgConnection connection = connect(url);
      VectorStore store = open_store(connection);
      std::mt19937 random(kSeed + static_cast<unsigned>(writer));
      std::string& error = errors[static_cast<std::size_t>(writer)];
      for (int n = 0; n < 60 && error.empty(); ++n) {
        // Twelve texts out of forty, of which chunks have half: writers meet, and the collector
        // deletes what nothing needs.
        std::vector<std::string> texts;
        for (int i = 0; i < 12; ++i) texts.push_back("text " + std::to_string(random() % 40));
        error = text_of(store.store(1, Vectors(texts).stored));
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
  CHECK(must_run(connection,
                 "SELECT count(*) FROM forkdex.chunks c WHERE NOT EXISTS (SELECT FROM "
                 "forkdex.vectors v WHERE v.model_id = 1 AND v.content_hash = c.content_hash)")
            .integer(0, 0) == 0);
}

}  // namespace
}  // namespace forkdex
