#include "supervisor/database/ledger.h"

#include <catch2/catch.hpp>

#include "common/path_text.h"
#include "supervisor/database/vectors.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

std::string text_of(const Result<void>& result) { return result ? "" : result.error().text(); }

ModelFolder model(const std::string& name = "small", std::size_t dimension = 4) {
  ModelFolder folder;
  folder.name = name;
  folder.architecture = "bert";
  folder.dimension = dimension;
  folder.fingerprint = sha256(name);
  return folder;
}

Ledger open_ledger(PgConnection& connection, const std::string& name = "repo") {
  auto ledger = Ledger::open(connection, {name, "/src/" + name, {}, {}}, model());
  if (!ledger) throw std::runtime_error(ledger.error().text());
  return std::move(*ledger);
}

FileRecord record(std::string path, FileState state, std::string reason = "") {
  FileRecord file;
  file.path = std::move(path);
  file.state = state;
  file.reason = std::move(reason);
  file.signature = {1, 2, 3, 0xffff'ffff'ffff'fff0u, 5};
  return file;
}

std::vector<KnownFile> all_known(Ledger& ledger) {
  auto known = ledger.known_files();
  REQUIRE((known.ok() ? "" : known.error().text()) == "");
  std::vector<KnownFile> files;
  for (;;) {
    auto next = known->next();
    REQUIRE(next.ok());
    if (!*next) return files;
    files.push_back(std::move(**next));
  }
}

/// A chunk row of `path` whose text has `hash`.
void add_chunk(PgConnection& connection, std::int64_t repository, const std::string& path,
               const Sha256& hash) {
  const auto bytes = [](const Sha256& h) {
    return bytea_text({reinterpret_cast<const char*>(h.data()), h.size()});
  };
  const auto added = connection.run(
      "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
      "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
      "start_byte, end_byte, source, content_hash, metadata) "
      "VALUES ($1, $2, $3, 0, 'text', '', '', '', '', '', 1, 1, 1, 0, 1, 'x', $4, '{}')",
      {std::to_string(repository), bytes(sha256(path)), path, bytes(hash)});
  if (!added) throw std::runtime_error(added.error().text());
}

std::int64_t count(PgConnection& connection, const std::string& table) {
  return must_run(connection, "SELECT count(*) FROM forkdex." + table).integer(0, 0);
}

TEST_CASE(
    "ledger: a name with another root is the same repository only when remote or root "
    "commit says so",
    "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_names"));
  const RepositoryIdentity first{"src", "/a/src", "https://host/x.git", "c0ffee"};
  const auto id = find_or_add_repository(connection, first);
  REQUIRE(id.ok());

  RepositoryIdentity other = first;
  other.root = "/b/src";
  CHECK(*find_or_add_repository(connection, other) == *id);
  other.remote = "https://host/y.git";
  const auto refused = find_or_add_repository(connection, other);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUsage);
  CHECK(refused.error().sentence == "src is already /a/src; give --repository NAME");
  other.remote.reset();
  CHECK(*find_or_add_repository(connection, other) == *id);
  other.root_commit = "decade";
  CHECK_FALSE(find_or_add_repository(connection, other).ok());
  other.root_commit.reset();
  CHECK_FALSE(find_or_add_repository(connection, other).ok());
  CHECK(count(connection, "repositories") == 1);
}

TEST_CASE("ledger: another folder of a repository is none that moved", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_folders"));
  const RepositoryIdentity first{"src", "/a/packages/ui/src", {}, "c0ffee", "packages/ui/src/"};
  REQUIRE(find_or_add_repository(connection, first).ok());
  const auto is_taken_for_it = [&](const std::string& root, const std::string& folder) {
    return find_or_add_repository(connection, {"src", root, {}, "c0ffee", folder}).ok();
  };
  CHECK(is_taken_for_it("/b/packages/ui/src", "packages/ui/src/"));
  CHECK(is_taken_for_it("/a/b/packages/ui/src", "packages/ui/src/"));
  CHECK_FALSE(is_taken_for_it("/a", ""));
  CHECK_FALSE(is_taken_for_it("/a/src", "src/"));
  CHECK_FALSE(is_taken_for_it("/a/packages", "packages/"));
  CHECK_FALSE(is_taken_for_it("/a/packages/cli/src", "packages/cli/src/"));
  CHECK_FALSE(is_taken_for_it("/b/packages/cli/src", "packages/cli/src/"));
}

TEST_CASE("ledger: a claim names its holder and ends with it", "[postgres]") {
  const std::string url = fresh_database("ledger_claim");
  PgConnection mine = connect(url);
  const auto id = find_or_add_repository(mine, {"repo", "/r", {}, {}});
  REQUIRE(id.ok());
  {
    auto holder = PgConnection::open(url, "the first run");
    REQUIRE(holder.ok());
    REQUIRE(claim_repository(*holder, {*id, "repo"}).ok());
    const auto refused = claim_repository(mine, {*id, "repo"});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kClaimHeld);
    CHECK(refused.error().sentence.find("the first run") != std::string::npos);
  }
  int asked = 0;
  // The server may still be ending the holder's session: --wait is for just that.
  CHECK(text_of(claim_repository(mine, {*id, "repo"}, [&asked] { return ++asked < 100; })) == "");
}

TEST_CASE("ledger: known files come back as written, in byte order", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_known"));
  Ledger ledger = open_ledger(connection);
  const std::string latin1 = "caf\xe9.ts";
  std::vector<std::string> paths = {"b.ts",  "a/z.ts",      latin1,       "tab\there\nline",
                                    "\\x41", "caf\xc3\xa9", "quote\"'{}", std::string(4000, 'p')};
  for (const std::string& path : paths) {
    FileRecord file = record(path, FileState::kFailed, "parse");
    file.recipe = "recipe \\ 1";
    file.content_hash = sha256(path);
    file.blob_oid = "abc";
    file.attempts = 3;
    file.detail = "detail of " + path;
    REQUIRE(ledger.record(std::move(file)).ok());
  }
  REQUIRE(text_of(ledger.flush()) == "");
  std::sort(paths.begin(), paths.end());
  const std::vector<KnownFile> known = all_known(ledger);
  REQUIRE(known.size() == paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    INFO("path " << escape_path(paths[i]));
    CHECK(known[i].path == paths[i]);
    CHECK(known[i].state == FileState::kFailed);
    CHECK(known[i].reason == "parse");
    CHECK(known[i].recipe == "recipe \\ 1");
    CHECK(known[i].content_hash == sha256(paths[i]));
    CHECK(known[i].blob_oid == "abc");
    CHECK(known[i].attempts == 3);
    CHECK(known[i].signature.inode == 0xffff'ffff'ffff'fff0u);
    CHECK(known[i].signature.seen_at_ns == 5);
  }
}

TEST_CASE("ledger: refused and removed files lose their chunks, unchanged ones keep their result",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_rows"));
  Ledger ledger = open_ledger(connection);
  for (const char* path : {"refused", "removed", "unchanged"}) {
    REQUIRE(ledger.record(record(path, FileState::kFailed, "parse")).ok());
    add_chunk(connection, ledger.repository_id(), path, sha256(path));
  }
  REQUIRE(text_of(ledger.flush()) == "");
  // All three were refused just now, so none has chunks: give them back.
  CHECK(count(connection, "chunks") == 0);
  for (const char* path : {"refused", "removed", "unchanged"})
    add_chunk(connection, ledger.repository_id(), path, sha256(path));

  REQUIRE(ledger.record(record("refused", FileState::kSkipped, "binary")).ok());
  REQUIRE(ledger.record(record("removed", FileState::kRemoved)).ok());
  FileRecord moved = record("unchanged", FileState::kUnchanged);
  moved.signature.mtime_ns = 77;
  REQUIRE(ledger.record(std::move(moved)).ok());
  REQUIRE(text_of(ledger.flush()) == "");

  const std::vector<KnownFile> known = all_known(ledger);
  REQUIRE(known.size() == 2);
  CHECK(known[0].path == "refused");
  CHECK(known[0].state == FileState::kSkipped);
  CHECK(known[0].reason == "binary");
  CHECK(known[1].path == "unchanged");
  CHECK(known[1].state == FileState::kFailed);
  CHECK(known[1].signature.mtime_ns == 77);
  CHECK(must_run(connection, "SELECT string_agg(path, ',') FROM forkdex.chunks").text(0, 0) ==
        "unchanged");
}

TEST_CASE("ledger: a detail that is not valid UTF-8 is kept readable", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_detail"));
  Ledger ledger = open_ledger(connection);
  FileRecord file = record("a", FileState::kFailed, "vanished");
  file.detail = std::string("no \xff here\0 either", 17);
  REQUIRE(ledger.record(std::move(file)).ok());
  REQUIRE(text_of(ledger.flush()) == "");
  std::vector<Refusal> refusals;
  REQUIRE(list_refusals(connection, "repo", false, [&](const Refusal& refusal) {
            refusals.push_back(refusal);
          }).ok());
  REQUIRE(refusals.size() == 1);
  CHECK(refusals[0].detail == "no \\xff here  either");
}

TEST_CASE("ledger: a run's row tells how it ended, and a killed run is marked by the next",
          "[postgres]") {
  const std::string url = fresh_database("ledger_runs");
  {
    PgConnection killed = connect(url);
    open_ledger(killed);
  }
  PgConnection connection = connect(url);
  auto ledger =
      Ledger::open(connection, {"repo", "/src/repo", {}, {}}, model(), {}, {[] { return true; }});
  REQUIRE(ledger.ok());
  REQUIRE(ledger->record(record("a", FileState::kSkipped, "binary")).ok());
  REQUIRE(text_of(ledger->finish_run("complete", R"({"status": "complete"})", "c0ffee")) == "");
  const auto all = list_repositories(connection);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 1);
  const RepositoryStatus& status = all->front();
  CHECK(status.name == "repo");
  CHECK(status.head == "c0ffee");
  CHECK(status.run_status == "complete");
  CHECK(status.run_report == R"({"status": "complete"})");
  CHECK(status.indexed_at.ends_with("Z"));
  CHECK(status.files == std::vector<std::pair<std::string, std::int64_t>>{{"skipped", 1}});
  CHECK(must_run(connection, "SELECT status FROM forkdex.runs ORDER BY id LIMIT 1").text(0, 0) ==
        "interrupted");
  CHECK(list_repositories(connection, "nobody").error().code == ErrorCode::kUsage);
}

TEST_CASE("ledger: of old runs the last thousand stay", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_old_runs"));
  const auto repository = find_or_add_repository(connection, {"repo", "/src/repo", {}, {}});
  REQUIRE(repository.ok());
  const std::string id = std::to_string(*repository);
  const auto add = [&](int runs, const std::string& age) {
    must_run(connection, "INSERT INTO forkdex.runs (repository_id, started_at, status) SELECT " +
                             id + ", now() - interval '" + age + "', 'complete' " +
                             "FROM generate_series(1, " + std::to_string(runs) + ")");
  };
  add(600, "8 days");
  add(1099, "6 days");
  auto ledger = open_ledger(connection);  // run 1700
  REQUIRE(ledger.run_id() == 1700);
  REQUIRE(text_of(ledger.finish_run("complete", "{}", "c0ffee")) == "");
  CHECK(count(connection, "runs") == 1100);
}

TEST_CASE("ledger: shards go on side by side, a whole run goes on alone", "[postgres]") {
  const std::string url = fresh_database("ledger_shards");
  std::vector<PgConnection> connections;
  for (int n = 0; n < 3; ++n) connections.push_back(connect(url));
  const RepositoryIdentity identity{"repo", "/src/repo", {}, {}};
  const auto open = [&](int connection, const RunPart& part) {
    return Ledger::open(connections[static_cast<std::size_t>(connection)], identity, model(), part);
  };
  auto first = open(0, {Shard{1, 2}});
  REQUIRE(first.ok());
  auto second = open(1, {Shard{2, 2}});
  REQUIRE(second.ok());
  const auto twice = open(2, {Shard{2, 2}});
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().code == ErrorCode::kClaimHeld);
  CHECK(twice.error().sentence.find("shard 2/2 of repository repo is in use by unit") !=
        std::string::npos);
  const auto whole = open(2, {});
  REQUIRE_FALSE(whole.ok());
  CHECK(whole.error().sentence.starts_with("repository repo is in use by unit"));

  // The head moves with the last of them, and a run that begins interrupts none of its neighbours.
  const auto head = [&] {
    return std::string(must_run(connections[2],
                                "SELECT coalesce(head, '') FROM "
                                "forkdex.repositories")
                           .text(0, 0));
  };
  REQUIRE(text_of(first->finish_run("complete", "{}", "c1")) == "");
  CHECK(head().empty());
  CHECK(must_run(connections[2], "SELECT count(*) FROM forkdex.runs WHERE status = 'running'")
            .integer(0, 0) == 1);
  REQUIRE(text_of(second->finish_run("complete", "{}", "c1")) == "");
  CHECK(head() == "c1");
  // A claim ends with its session, which the server may see to a moment later.
  const auto open_when_free = [&](int connection, const RunPart& part) {
    return Ledger::open(connections[static_cast<std::size_t>(connection)], identity, model(), part,
                        {[] { return true; }});
  };
  connections[0] = connect(url);
  auto again = open_when_free(0, {Shard{1, 2}});
  REQUIRE(again.ok());
  REQUIRE(text_of(again->finish_run("complete", "{}", "c2")) == "");
  CHECK(head() == "c1");

  // A list of files says nothing of the rest.
  connections[0] = connect(url);
  connections[1] = connect(url);
  auto listed = open_when_free(0, {std::nullopt, true});
  REQUIRE(listed.ok());
  REQUIRE(text_of(listed->finish_run("complete", "{}", "c3")) == "");
  CHECK(head() == "c1");
}

TEST_CASE("ledger: over a new connection it writes what it had noted", "[postgres]") {
  const std::string url = fresh_database("ledger_resume");
  PgConnection connection = connect(url);
  Ledger ledger = open_ledger(connection);
  REQUIRE(text_of(ledger.record(record("a.py", FileState::kSkipped, "binary"))) == "");
  PgConnection other = connect(url);
  must_run(other,
           "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
           "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  const Result<void> lost = ledger.flush();
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().code == ErrorCode::kDatabaseLost);
  connection = connect(url);
  REQUIRE(text_of(claim_repository(connection, {ledger.repository_id(), "repo"})) == "");
  REQUIRE(text_of(ledger.resume()) == "");
  REQUIRE(text_of(ledger.flush()) == "");
  CHECK(all_known(ledger).size() == 1);

  SECTION("unless another run has had the repository in between") {
    must_run(other,
             "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
             "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    {
      const Ledger theirs = open_ledger(other);
    }
    connection = connect(url);
    const Result<void> refused = ledger.resume();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kClaimHeld);
  }
}

TEST_CASE("ledger: one model is one row, whatever it is called", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_models"));
  const auto first = model_id(connection, model());
  REQUIRE(first.ok());
  ModelFolder renamed = model();
  renamed.name = "another name";
  CHECK(*model_id(connection, renamed) == *first);
  CHECK(*model_id(connection, model("other")) != *first);
  CHECK(*stored_model_id(connection, model()) == *first);
  CHECK_FALSE(stored_model_id(connection, model("absent"))->has_value());
}

TEST_CASE("ledger: removing a repository keeps the vectors that another one needs", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_remove"));
  const auto one = find_or_add_repository(connection, {"one", "/1", {}, {}});
  const auto two = find_or_add_repository(connection, {"two", "/2", {}, {}});
  REQUIRE((one.ok() && two.ok()));
  const auto id = model_id(connection, model());
  REQUIRE(id.ok());
  // More than one batch of the collector; the last one stands nowhere, and is kept for a while.
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 4501) n");
  add_chunk(connection, *one, "a", sha256("1"));
  must_run(connection,
           "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
           "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
           "start_byte, end_byte, source, content_hash, metadata) "
           "SELECT repository_id, path_hash, path, n, kind, name, qualified_name, parent, "
           "signature, docstring, start_line, end_line, definition_line, start_byte, end_byte, "
           "source, sha256(n::text::bytea), metadata "
           "FROM forkdex.chunks, generate_series(2, 4499) n");
  add_chunk(connection, *two, "a", sha256("2"));
  add_chunk(connection, *two, "b", sha256("4500"));
  CHECK(text_of(remove_repository(connection, "one")) == "");
  CHECK(must_run(connection,
                 "SELECT string_agg(n::text, ' ' ORDER BY n) FROM forkdex.vectors "
                 "JOIN generate_series(1, 4501) n ON content_hash = "
                 "sha256(n::text::bytea)")
            .text(0, 0) == "2 4500 4501");
  CHECK(count(connection, "chunks") == 2);
  CHECK(count(connection, "repositories") == 1);
  CHECK(remove_repository(connection, "one").error().code == ErrorCode::kUsage);
  CHECK(text_of(claim_repository(connection, {*two, "two"})) == "");
}

TEST_CASE("ledger: what a replaced model computed goes when every file has the new one's",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_models"));
  const RepositoryIdentity identity{"repo", "/src/repo", {}, {}};
  const std::vector<ModelFolder> models = {model("old"), model("new")};
  const auto open = [&](const ModelFolder& folder) {
    auto ledger = Ledger::open(connection, identity, folder);
    REQUIRE((ledger ? "" : ledger.error().text()) == "");
    return *std::move(ledger);
  };
  const auto collect = [&] {
    const auto collected = collect_vectors(connection);
    REQUIRE((collected ? "" : collected.error().text()) == "");
    return *collected;
  };
  const auto add_vectors = [&](std::int64_t id) {
    must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(id) +
                             ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 2) n");
  };
  Ledger first = open(models[0]);
  add_vectors(first.model_id());
  add_chunk(connection, first.repository_id(), "a", sha256("1"));
  must_run(connection,
           "INSERT INTO forkdex.commits (repository_id, oid, author, authored_at, message, files, "
           "file_count, content_hash) VALUES (" +
               std::to_string(first.repository_id()) +
               ", 'c', '', now(), '2', '{}', 0, sha256('2'))");
  REQUIRE(text_of(first.finish_run("complete", "{}", "c0ffee")) == "");
  must_run(connection, "UPDATE forkdex.repositories SET messages_model = code_model");
  CHECK(collect() == 0);

  // While a run replaces the model, both are needed; a run that is cut short leaves it so.
  Ledger second = open(models[1]);
  add_vectors(second.model_id());
  CHECK(collect() == 0);
  REQUIRE(text_of(second.finish_run("partial", "{}", "c0ffee")) == "");
  CHECK(collect() == 0);
  Ledger third = open(models[1]);
  REQUIRE(text_of(third.finish_run("complete", "{}", "c0ffee")) == "");
  CHECK(collect() == 1);
  must_run(connection, "UPDATE forkdex.repositories SET messages_model = code_model");
  CHECK(collect() == 1);
  CHECK(must_run(connection, "SELECT count(*) FROM forkdex.vectors WHERE model_id = " +
                                 std::to_string(third.model_id()))
            .integer(0, 0) == 2);
}

TEST_CASE("ledger: a vector that nothing needs is kept for a while, unless it is needed again",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_collect"));
  const auto repository = find_or_add_repository(connection, {"one", "/1", {}, {}});
  const auto id = model_id(connection, model());
  REQUIRE((repository.ok() && id.ok()));
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), '[1,0,0,0]' FROM generate_series(1, 3) n");
  add_chunk(connection, *repository, "a", sha256("1"));
  const std::chrono::days kept(30);
  const auto collect = [&] {
    const auto collected = collect_vectors(connection, kept);
    REQUIRE((collected ? "" : collected.error().text()) == "");
    return *collected;
  };
  CHECK(collect() == 0);
  CHECK(count(connection, "unneeded_vectors") == 2);
  CHECK(collect() == 0);

  // One comes back; a month later only the other one goes.
  add_chunk(connection, *repository, "b", sha256("2"));
  must_run(connection, "UPDATE forkdex.unneeded_vectors SET since = now() - interval '31 days'");
  CHECK(collect() == 1);
  CHECK(count(connection, "vectors") == 2);
  CHECK(count(connection, "unneeded_vectors") == 0);
  must_run(connection, "DELETE FROM forkdex.chunks WHERE content_hash = sha256('2')");
  CHECK(collect() == 0);
  CHECK(count(connection, "unneeded_vectors") == 1);

  // Once a day is enough, unless nothing is to be kept.
  CHECK_FALSE(collect_vectors_when_due(connection, kept)->has_value());
  must_run(connection, "UPDATE forkdex.vector_sweep SET swept_at = now() - interval '25 hours'");
  CHECK(collect_vectors_when_due(connection, kept)->has_value());
  CHECK_FALSE(collect_vectors_when_due(connection, kept)->has_value());
  CHECK(**collect_vectors_when_due(connection, std::chrono::days(0)) == 1);
  CHECK(count(connection, "vectors") == 1);
}

TEST_CASE("ledger: the vector index is built once, past the threshold, and queries use it",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_index"));
  const auto id = model_id(connection, model());
  REQUIRE(id.ok());
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), format('[%s,1,%s,0]', n, n % 7)::halfvec "
                           "FROM generate_series(1, 500) n");
  const auto few = build_vector_index_if_large(connection, *id, 4, 501);
  REQUIRE(few.ok());
  CHECK_FALSE(few->has_value());
  CHECK_FALSE(*has_vector_index(connection, *id));

  const auto built = build_vector_index_if_large(connection, *id, 4, 500);
  REQUIRE((built.ok() ? "" : built.error().text()) == "");
  CHECK(built->has_value());
  CHECK(*has_vector_index(connection, *id));
  CHECK_FALSE(build_vector_index_if_large(connection, *id, 4, 500)->has_value());

  must_run(connection, "SET enable_seqscan = off; SET enable_sort = off");
  const PgRows plan = must_run(
      connection,
      "EXPLAIN SELECT content_hash FROM forkdex.vectors WHERE model_id = " + std::to_string(*id) +
          " ORDER BY embedding::halfvec(4) <=> '[1,2,3,4]' LIMIT 5");
  std::string text;
  for (int row = 0; row < plan.size(); ++row) text += std::string(plan.text(row, 0)) + "\n";
  CHECK(text.find("vectors_hnsw_") != std::string::npos);
}

}  // namespace
}  // namespace forkdex
