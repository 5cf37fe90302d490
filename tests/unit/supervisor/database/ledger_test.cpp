#include "supervisor/database/ledger.h"

#include <catch2/catch.hpp>

#include "tests/unit/supervisor/database/ledger_fixture.h"

namespace forkdex {
namespace {

using test::add_chunk;
using test::connect;
using test::count;
using test::fresh_database;
using test::model;
using test::must_run;
using test::run_end;
using test::text_of;

Ledger open_ledger(PgConnection& connection, const std::string& name = "repo") {
  auto ledger = Ledger::open(connection, {name, "/src/" + name, {}, {}}, ViewModels{model(), {}});
  if (!ledger) throw std::runtime_error(ledger.error().text());
  return std::move(*ledger);
}

FileRecord record(std::string path, FileState state, std::string reason = "") {
  FileRecord file;
  file.path = std::move(path);
  file.verdict.state = state;
  file.verdict.reason = std::move(reason);
  file.facts.signature = {1, 2, 3, 0xffff'ffff'ffff'fff0u, 5};
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
    file.facts.blob_oid = "abc";
    file.verdict.attempts = 3;
    file.verdict.detail = "detail of " + path;
    REQUIRE(ledger.record(std::move(file)).ok());
  }
  REQUIRE(text_of(ledger.flush()) == "");
  std::sort(paths.begin(), paths.end());
  const std::vector<KnownFile> known = all_known(ledger);
  REQUIRE(known.size() == paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    INFO("path " << escape_path(paths[i]));
    CHECK(known[i].path == paths[i]);
    CHECK(known[i].verdict.state == FileState::kFailed);
    CHECK(known[i].verdict.reason == "parse");
    CHECK(known[i].recipe == "recipe \\ 1");
    CHECK(known[i].content_hash == sha256(paths[i]));
    CHECK(known[i].facts.blob_oid == "abc");
    CHECK(known[i].verdict.attempts == 3);
    CHECK(known[i].facts.signature.inode == 0xffff'ffff'ffff'fff0u);
    CHECK(known[i].facts.signature.seen_at_ns == 5);
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
  moved.facts.signature.mtime_ns = 77;
  REQUIRE(ledger.record(std::move(moved)).ok());
  REQUIRE(text_of(ledger.flush()) == "");

  const std::vector<KnownFile> known = all_known(ledger);
  REQUIRE(known.size() == 2);
  CHECK(known[0].path == "refused");
  CHECK(known[0].verdict.state == FileState::kSkipped);
  CHECK(known[0].verdict.reason == "binary");
  CHECK(known[1].path == "unchanged");
  CHECK(known[1].verdict.state == FileState::kFailed);
  CHECK(known[1].facts.signature.mtime_ns == 77);
  CHECK(must_run(connection, "SELECT string_agg(path, ',') FROM forkdex.chunks").text(0, 0) ==
        "unchanged");
}

TEST_CASE("ledger: a detail that is not valid UTF-8 is kept readable", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_detail"));
  Ledger ledger = open_ledger(connection);
  FileRecord file = record("a", FileState::kFailed, "vanished");
  file.verdict.detail = std::string("no \xff here\0 either", 17);
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
  auto ledger = Ledger::open(connection, {"repo", "/src/repo", {}, {}}, ViewModels{model(), {}}, {},
                             {[] { return true; }});
  REQUIRE(ledger.ok());
  REQUIRE(ledger->record(record("a", FileState::kSkipped, "binary")).ok());
  REQUIRE(text_of(ledger->finish_run(run_end("complete", "c0ffee", R"({"status": "complete"})"))) ==
          "");
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
  REQUIRE(text_of(ledger.finish_run(run_end("complete", "c0ffee"))) == "");
  CHECK(count(connection, "runs") == 1100);
}

TEST_CASE("ledger: shards go on side by side, a whole run goes on alone", "[postgres]") {
  const std::string url = fresh_database("ledger_shards");
  std::vector<PgConnection> connections;
  for (int n = 0; n < 3; ++n) connections.push_back(connect(url));
  const RepositoryIdentity identity{"repo", "/src/repo", {}, {}};
  const auto open = [&](int connection, const RunPart& part) {
    return Ledger::open(connections[static_cast<std::size_t>(connection)], identity,
                        ViewModels{model(), {}}, part);
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
  REQUIRE(text_of(first->finish_run(run_end("complete", "c1"))) == "");
  CHECK(head().empty());
  CHECK(must_run(connections[2], "SELECT count(*) FROM forkdex.runs WHERE status = 'running'")
            .integer(0, 0) == 1);
  REQUIRE(text_of(second->finish_run(run_end("complete", "c1"))) == "");
  CHECK(head() == "c1");
  // A claim ends with its session, which the server may see to a moment later.
  const auto open_when_free = [&](int connection, const RunPart& part) {
    return Ledger::open(connections[static_cast<std::size_t>(connection)], identity,
                        ViewModels{model(), {}}, part, {[] { return true; }});
  };
  connections[0] = connect(url);
  auto again = open_when_free(0, {Shard{1, 2}});
  REQUIRE(again.ok());
  REQUIRE(text_of(again->finish_run(run_end("complete", "c2"))) == "");
  CHECK(head() == "c1");

  // A list of files says nothing of the rest.
  connections[0] = connect(url);
  connections[1] = connect(url);
  auto listed = open_when_free(0, {std::nullopt, true});
  REQUIRE(listed.ok());
  REQUIRE(text_of(listed->finish_run(run_end("complete", "c3"))) == "");
  CHECK(head() == "c1");
}

TEST_CASE("ledger: the head moves where the last run of every shard stands", "[postgres]") {
  const std::string url = fresh_database("ledger_shard_heads");
  PgConnection reader = connect(url);
  const auto end_run = [&](const std::string& shard, const std::string& head,
                           const std::string& status = "complete") {
    PgConnection connection = connect(url);
    // The claim of the run before ends with its session, which may take the server a moment.
    auto ledger = Ledger::open(connection, {"repo", "/src/repo", {}, {}}, ViewModels{model(), {}},
                               {Shard::parse(shard)}, {[] { return true; }});
    REQUIRE(ledger.ok());
    REQUIRE(text_of(ledger->finish_run(run_end(status, head))) == "");
    return std::string(
        must_run(reader, "SELECT coalesce(head, '') FROM forkdex.repositories").text(0, 0));
  };
  CHECK(end_run("1/2", "c1") == "");
  CHECK(end_run("2/2", "c1") == "c1");
  CHECK(end_run("1/2", "c2") == "c1");
  CHECK(end_run("2/2", "c2") == "c2");
  SECTION("of what a shard once was, nothing counts") {
    CHECK(end_run("1/2", "c1") == "c2");  // 2/2 holds c2
    CHECK(end_run("2/2", "c1") == "c1");
  }
  SECTION("a run that did not come to its end may have left anything") {
    CHECK(end_run("2/2", "c3", "interrupted") == "c2");
    CHECK(end_run("1/2", "c2") == "c2");
    CHECK(end_run("1/2", "c3") == "c2");
    CHECK(end_run("2/2", "c3") == "c3");
  }
  SECTION("a run over all files, and one over other shards, begin anew") {
    CHECK(end_run("1/2", "c3") == "c2");
    CHECK(end_run("", "c4") == "c4");
    CHECK(end_run("2/2", "c3") == "c4");  // 1/2 holds c4
    CHECK(end_run("1/3", "c3") == "c4");
    CHECK(end_run("1/2", "c3") == "c4");  // 2/2 was cut up by 1/3
    CHECK(end_run("2/2", "c3") == "c3");
  }
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

}  // namespace
}  // namespace forkdex
