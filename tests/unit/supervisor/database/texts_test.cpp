#include "supervisor/database/texts.h"

#include <map>
#include <set>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "supervisor/database/ledger.h"
#include "tests/unit/supervisor/database/ledger_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;
using test::text_of;

/// A repository (1) and two models (1 and 2).
PgConnection database(const std::string& name) {
  PgConnection connection = connect(fresh_database(name));
  must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('repo', '/r')");
  must_run(connection,
           "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) "
           "VALUES ('a', 'bert', 4, '\\x01'), ('b', 'bert', 4, '\\x02')");
  return connection;
}

void must(const Result<PgRows>& rows) {
  if (!rows) throw std::runtime_error(rows.error().text());
}

/// A file with one chunk for each of `sources`, whose text view is "about SOURCE".
void add_file(PgConnection& connection, const std::string& path,
              const std::vector<std::string>& sources, const std::string& mtime_ns = "0",
              const std::string& repository = "1") {
  must(connection.run(
      "INSERT INTO forkdex.files (repository_id, path_hash, path, state, mtime_ns) VALUES "
      "($1, sha256(convert_to($2, 'UTF8')), $2, 'indexed', $3)",
      {repository, path, mtime_ns}));
  for (std::size_t i = 0; i < sources.size(); ++i)
    must(connection.run(
        "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
        "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
        "start_byte, end_byte, source, content_hash, text_hash, metadata, text_view) VALUES "
        "($1, sha256(convert_to($2, 'UTF8')), $2, $3, 'function', '', '', '', '', '', 3, 5, 3, 0, "
        "1, $4, sha256(convert_to($4, 'UTF8')), sha256(convert_to('about ' || $4, 'UTF8')), '{}', "
        "'about ' || $4)",
        {repository, path, std::to_string(i), sources[i]}));
}

void add_commit(PgConnection& connection, const std::string& oid, const std::string& message,
                const std::string& at) {
  must(connection.run(
      "INSERT INTO forkdex.commits (repository_id, oid, author, authored_at, message, files, "
      "file_count, content_hash) VALUES (1, $1, '', $3::timestamptz, $2, '{}', 0, "
      "sha256(convert_to($2, 'UTF8')))",
      {oid, message, at}));
}

void add_vector(PgConnection& connection, int model, const std::string& text) {
  must(connection.run(
      "INSERT INTO forkdex.vectors VALUES ($1, sha256(convert_to($2, 'UTF8')), '[1,0,0,0]')",
      {std::to_string(model), text}));
}

TextScope scope_of(int code, int text, int message) {
  TextScope scope;
  scope.repository_id = 1;
  scope.model_ids = {code, text};
  scope.message_model_id = message;
  return scope;
}

/// The texts that are missing, in order, spelled by those in `known`.
std::vector<std::string> missing(PgConnection& connection, const TextScope& scope,
                                 const std::vector<std::string>& known) {
  std::map<Sha256, std::string> names;
  for (const std::string& text : known) {
    names[sha256(text)] = text;
    names[sha256("about " + text)] = "about " + text;
  }
  std::vector<std::string> texts;
  const auto listed = for_each_missing_text(connection, scope, [&](const MissingText& text) {
    REQUIRE(names.contains(text.hash));
    texts.push_back(names.at(text.hash));
    CHECK(text.bytes == texts.back().size());
  });
  REQUIRE((listed ? "" : listed.error().text()) == "");
  return texts;
}

using Texts = std::vector<std::string>;

TEST_CASE("texts: those without a vector are listed once a source, files that changed last first",
          "[postgres]") {
  PgConnection connection = database("texts_missing");
  add_file(connection, "old.py", {"one", "two", "one"}, "1000000000");
  add_file(connection, "new.py", {"three"}, "9000000000");
  add_file(connection, "committed.py", {"four"}, "99000000000");
  add_commit(connection, "c1", "Begin", "1970-01-01 00:00:05Z");
  must_run(connection, "UPDATE forkdex.files SET last_commit = 'c1' WHERE path = 'committed.py'");
  add_vector(connection, 1, "two");
  add_vector(connection, 2, "three");  // by another model
  const Texts all = {"one", "two", "three", "four", "Begin"};
  CHECK(missing(connection, scope_of(1, 0, 0), all) == Texts{"three", "four", "one"});
  const Texts views = missing(connection, scope_of(0, 2, 0), all);
  REQUIRE(views.size() == 4);
  CHECK(Texts(views.begin(), views.begin() + 2) == Texts{"about three", "about four"});
  const Texts everything = missing(connection, scope_of(1, 1, 1), all);
  CHECK(everything.size() == 8);
  CHECK(everything.back() == "Begin");
  CHECK(missing(connection, scope_of(0, 0, 0), all).empty());
  const auto counts = count_texts(connection, scope_of(1, 1, 1));
  REQUIRE(counts.ok());
  CHECK(counts->total == 9);
  CHECK(counts->missing == 8);
  CHECK(counts->refused == 0);
}

TEST_CASE("texts: other repositories, chunks of before and other files are left out",
          "[postgres]") {
  PgConnection connection = database("texts_scope");
  must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('other', '/o')");
  add_file(connection, "a.py", {"one"});
  add_file(connection, "a.py", {"theirs"}, "0", "2");
  add_file(connection, "b.py", {"two"});
  const Texts all = {"one", "two"};
  TextScope scope = scope_of(1, 0, 0);
  CHECK(missing(connection, scope, all).size() == 2);
  scope.path_hashes = {sha256("b.py"), sha256("c.py")};
  CHECK(missing(connection, scope, all) == Texts{"two"});
  CHECK(*count_all_texts(connection, scope) == 1);
  scope.path_hashes = std::vector<Sha256>();
  CHECK(missing(connection, scope, all).empty());
  scope.path_hashes.reset();
  scope.after_chunk =
      must_run(connection, "SELECT id FROM forkdex.chunks WHERE source = 'theirs'").integer(0, 0);
  CHECK(missing(connection, scope, all) == Texts{"two"});
}

TEST_CASE("texts: shards share the files' texts and the messages out as Shard does", "[postgres]") {
  PgConnection connection = database("texts_shards");
  constexpr std::uint32_t kShards = 7;
  std::map<std::uint32_t, std::set<std::string>> expected;
  Texts all;
  for (int i = 0; i < 60; ++i) {
    const std::string path = "file" + std::to_string(i);
    const std::string message = "message " + std::to_string(i);
    const std::string source = "source " + std::to_string(i);
    add_file(connection, path, {source});
    add_commit(connection, std::to_string(i), message, "2020-01-01Z");
    for (std::uint32_t number = 1; number <= kShards; ++number) {
      const Shard shard{number, kShards};
      if (shard.holds(path)) expected[number].insert(source);
      if (shard.holds(bytes_of(sha256(message)))) expected[number].insert(message);
    }
    all.push_back(source);
    all.push_back(message);
  }
  for (std::uint32_t number = 1; number <= kShards; ++number) {
    TextScope scope = scope_of(1, 0, 1);
    scope.shard = Shard{number, kShards};
    const Texts listed = missing(connection, scope, all);
    CHECK(std::set<std::string>(listed.begin(), listed.end()) == expected[number]);
    CHECK(listed.size() == expected[number].size());
  }
}

TEST_CASE("texts: what was refused is not missing until it is asked for, or a limit is higher",
          "[postgres]") {
  PgConnection connection = database("texts_refused");
  add_file(connection, "a.py", {"slow", "large", "poison"});
  const auto refuse = [&](const std::string& text, const std::string& reason, std::uint64_t limit) {
    const auto done =
        refuse_text(connection, 1, {TextSource::kCode, sha256(text), reason, "killed", limit, 3});
    REQUIRE(text_of(done) == "");
  };
  refuse("slow", "timed_out", 60);
  refuse("large", "out_of_memory", 1000);
  refuse("poison", "crashed", 0);
  const TextScope scope = scope_of(1, 0, 0);
  const Texts all = {"slow", "large", "poison"};
  CHECK(missing(connection, scope, all).empty());
  CHECK(count_texts(connection, scope)->refused == 3);
  CHECK(count_texts(connection, scope)->missing == 0);
  const PgRows rows =
      must_run(connection, "SELECT path, reason, detail, attempts FROM (" +
                               refused_chunks(1, "ARRAY[1]") + ") t ORDER BY reason");
  REQUIRE(rows.size() == 3);
  CHECK(rows.text(0, 0) == "a.py");
  CHECK(rows.text(0, 1) == "crashed");
  CHECK(rows.text(0, 2) == "lines 3 to 5 have no vector: killed");
  CHECK(rows.integer(0, 3) == 3);

  must_run(connection,
           "UPDATE forkdex.repositories SET code_model = 1, text_model = 0, messages_model = 1, "
           "texts_total = 3, texts_missing = 0");
  const auto forget = [&](const TextScope& of, const TextLimits& limits) {
    REQUIRE(text_of(forget_refused_texts(connection, of, limits)) == "");
    return must_run(connection, "SELECT code_model IS NULL FROM forkdex.repositories").text(0, 0) ==
           "t";
  };
  CHECK_FALSE(forget(scope, {false, 60, 1000}));
  CHECK_FALSE(forget(scope_of(2, 0, 0), {true, 0, 0}));
  CHECK(missing(connection, scope, all).empty());
  // In the same breath the repository is no longer done.
  CHECK(forget(scope, {false, 61, 1000}));
  CHECK(missing(connection, scope, all) == Texts{"slow"});
  CHECK(forget(scope, {true, 0, 0}));
  CHECK(missing(connection, scope, all).size() == 3);
  CHECK(must_run(connection,
                 "SELECT count(*) FROM forkdex.repositories WHERE texts_total = 3 AND "
                 "messages_model IS NULL")
            .integer(0, 0) == 1);
}

TEST_CASE("texts: refusals of another repository stay when one is removed", "[postgres]") {
  PgConnection connection = database("texts_removed");
  must_run(connection, "INSERT INTO forkdex.repositories (name, root) VALUES ('other', '/o')");
  add_file(connection, "a.py", {"shared", "own"});
  add_file(connection, "b.py", {"shared", "theirs"}, "0", "2");
  for (const char* text : {"shared", "own", "theirs", "about own"})
    REQUIRE(text_of(refuse_text(connection, 1,
                                {TextSource::kCode, sha256(text), "crashed", "", 0, 3})) == "");
  REQUIRE(text_of(remove_repository(connection, "other")) == "");
  CHECK(must_run(connection, "SELECT count(*) FROM forkdex.refused_texts").integer(0, 0) == 3);
  CHECK(*count_refused_texts(connection, scope_of(1, 0, 0)) == 2);
}

TEST_CASE("ledger: what another shard's commits leave open is not noted as done", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_batches"));
  auto ledger =
      Ledger::open(connection, {"repo", "/src/repo", {}, {}}, ViewModels{test::model(), {}});
  REQUIRE(ledger.ok());
  const std::int64_t before = ledger->known_texts()->commit_batches;
  must_run(connection, "UPDATE forkdex.repositories SET commit_batches = commit_batches + 1");
  REQUIRE(text_of(ledger->note_texts({}, {.messages = true, .commit_batches = before})) == "");
  CHECK_FALSE(ledger->known_texts()->messages_done);
  REQUIRE(text_of(ledger->note_texts({}, {.messages = true, .commit_batches = before + 1})) == "");
  CHECK(ledger->known_texts()->messages_done);
  REQUIRE(text_of(ledger->note_texts({}, {.chunks = true})) == "");
  CHECK(ledger->known_texts()->chunks_done);
  CHECK(ledger->known_texts()->messages_done);
  REQUIRE(text_of(ledger->note_texts({}, {.chunks = false, .messages = false})) == "");
  CHECK_FALSE(ledger->known_texts()->chunks_done);
  CHECK_FALSE(ledger->known_texts()->messages_done);
}

TEST_CASE("ledger: texts are done after a complete run, and not once chunks are stored",
          "[postgres]") {
  const std::string url = fresh_database("ledger_texts");
  const auto open = [&](PgConnection& connection) {
    auto ledger = Ledger::open(connection, {"repo", "/src/repo", {}, {}},
                               ViewModels{test::model(), {}}, {}, {[] { return true; }});
    if (!ledger) throw std::runtime_error(ledger.error().text());
    return *std::move(ledger);
  };
  std::int64_t last = 0;
  {
    PgConnection connection = connect(url);
    Ledger ledger = open(connection);
    CHECK_FALSE(ledger.known_texts()->chunks_done);
    CHECK_FALSE(ledger.known_texts()->counts);
    REQUIRE(text_of(ledger.begin_chunks()) == "");
    test::add_chunk(connection, ledger.repository_id(), "a", sha256("1"));
    last = must_run(connection, "SELECT max(id) FROM forkdex.chunks").integer(0, 0);
    CHECK(ledger.known_texts()->done_up_to_chunk == 0);
    REQUIRE(text_of(ledger.note_texts(TextCounts{5, 0, 0},
                                      {.chunks = true, .messages = true, .commit_batches = 0})) ==
            "");
    REQUIRE(text_of(ledger.finish_run(test::run_end("complete", "c1"))) == "");
  }
  {
    PgConnection connection = connect(url);
    Ledger ledger = open(connection);
    const auto known = ledger.known_texts();
    REQUIRE(known.ok());
    CHECK(known->chunks_done);
    CHECK(known->messages_done);
    REQUIRE(known->counts);
    CHECK(known->counts->total == 5);
    REQUIRE(text_of(ledger.begin_chunks()) == "");
    test::add_chunk(connection, ledger.repository_id(), "b", sha256("2"));
    CHECK_FALSE(ledger.known_texts()->chunks_done);
    CHECK_FALSE(ledger.known_texts()->counts);
    // What was done before needs no look.
    CHECK(ledger.known_texts()->done_up_to_chunk == last);
  }  // killed
  {
    PgConnection connection = connect(url);
    Ledger ledger = open(connection);
    CHECK_FALSE(ledger.known_texts()->chunks_done);
    CHECK(ledger.known_texts()->done_up_to_chunk == 0);
    // A run without vectors sees to its files: the head is its, the texts are not done.
    RunEnd end = test::run_end("partial", "c2");
    end.files_done = true;
    REQUIRE(text_of(ledger.finish_run(end)) == "");
    CHECK(must_run(connection, "SELECT head FROM forkdex.repositories").text(0, 0) == "c2");
    CHECK_FALSE(ledger.known_texts()->chunks_done);
  }
}

}  // namespace
}  // namespace forkdex
