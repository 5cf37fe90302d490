// status, failures and doctor: what they say of a database that is known. search: what it tells the
// worker that embeds the query.

#include <algorithm>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/pg/advisory_lock.h"
#include "supervisor/answer/query_embedding.h"
#include "supervisor/commands/doctor.h"
#include "supervisor/commands/failures.h"
#include "supervisor/commands/status.h"
#include "supervisor/settings/chosen_models.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::must_run;

/// A database with the repositories "alpha", with files and a finished run, and "beta", with
/// neither.
PgConnection two_repositories(const std::string& url) {
  PgConnection connection = connect(url);
  must_run(connection,
           "INSERT INTO forkdex.repositories (name, root, head, indexed_at) VALUES"
           " ('alpha', '/a', 'abc', '2026-01-02 03:04:05Z'), ('beta', '/b', NULL, NULL)");
  must_run(connection,
           "INSERT INTO forkdex.files (repository_id, path_hash, path, state, reason, detail,"
           " attempts, chunk_count) VALUES"
           " (1, '\\x01', 'ok.py', 'indexed', NULL, NULL, 1, 5),"
           " (1, '\\x02', 'no.bin', 'skipped', 'binary', NULL, 0, 0),"
           " (1, '\\x03', E'bad\\n.py', 'failed', 'parse', 'line 3', 3, 0),"
           " (1, '\\x04', 'Evil.py', 'quarantined', 'crashed', NULL, 1, 0)");
  must_run(connection,
           "INSERT INTO forkdex.runs (repository_id, started_at, finished_at, status) VALUES"
           " (1, '2026-01-02 03:04:00Z', '2026-01-02 03:04:05Z', 'complete')");
  return connection;
}

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return *std::move(result);
}

}  // namespace

TEST_CASE("status: lists repositories with their file states and last run", "[postgres]") {
  PgConnection connection = two_repositories(fresh_database("query_status"));
  CHECK(statuses_text(value(repository_statuses(connection, ""))) ==
        "alpha\n"
        "  root      /a\n"
        "  head      abc\n"
        "  files     4 total, 1 failed, 1 indexed, 1 quarantined, 1 skipped\n"
        "  chunks    5\n"
        "  last run  complete, ended 2026-01-02T03:04:05Z\n"
        "beta\n"
        "  root      /b\n"
        "  files     0 total\n"
        "  chunks    0\n"
        "  last run  none\n");
  const auto one = value(repository_statuses(connection, "beta"));
  CHECK(nlohmann::json::parse(statuses_json(one)) ==
        nlohmann::json::parse(R"({"repositories": [{"name": "beta", "root": "/b", "remote": null,
          "head": null, "indexed_at": null, "files": {"total": 0}, "chunks": 0,
          "texts": null, "last_run": null}]})"));
  const auto unknown = repository_statuses(connection, "gamma");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == ErrorCode::kUsage);
}

TEST_CASE("status: says how many texts have their vectors, where a run has said for which models",
          "[postgres]") {
  PgConnection connection = two_repositories(fresh_database("query_texts"));
  must_run(connection,
           "INSERT INTO forkdex.models (name, architecture, dimension, fingerprint) "
           "VALUES ('m', 'bert', 2, 'x')");
  must_run(
      connection,
      "UPDATE forkdex.repositories SET texts_total = 9, texts_missing = 4 WHERE name = 'alpha'");
  const auto texts = [&] {
    const auto status = value(repository_statuses(connection, "alpha"));
    return nlohmann::json::parse(statuses_json(status))["repositories"][0]["texts"];
  };
  CHECK(texts().is_null());
  must_run(connection, "UPDATE forkdex.runs SET code_model = 1, text_model = 0");
  CHECK(texts() == nlohmann::json({{"total", 9}, {"missing", 4}, {"refused", 0}}));
  CHECK(statuses_text(value(repository_statuses(connection, "alpha")))
            .find("  texts     5 of 9 embedded\n") != std::string::npos);
  // What no run has noted is counted.
  must_run(connection, "UPDATE forkdex.repositories SET texts_total = NULL, texts_missing = NULL");
  CHECK(texts() == nlohmann::json({{"total", 0}, {"missing", 0}, {"refused", 0}}));
}

TEST_CASE("status: a run is running as long as its claim lives", "[postgres]") {
  const std::string url = fresh_database("query_running");
  PgConnection connection = two_repositories(url);
  must_run(connection, "INSERT INTO forkdex.runs (repository_id) VALUES (2)");
  CHECK(value(repository_statuses(connection, "beta")).front().run_status == "interrupted");
  {
    PgConnection run = connect(url);
    must_run(run, fmt::format("SELECT pg_advisory_lock({}, 2)", kRepositoryClaim));
    CHECK(value(repository_statuses(connection, "beta")).front().run_status == "running");
  }
  CHECK(statuses_text({}).find("supervisor PATH") != std::string::npos);
}

TEST_CASE("failures: lists every file that is not searchable, with its cause", "[postgres]") {
  PgConnection connection = two_repositories(fresh_database("query_failures"));
  const std::string text = value(failures_text(connection, "alpha"));
  CHECK(text.find("failed bad\\x0a.py: parse (line 3), 3 attempts\n") != std::string::npos);
  CHECK(text.find("quarantined Evil.py: crashed\n") != std::string::npos);
  CHECK(text.find("skipped no.bin: binary\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  const auto json = nlohmann::json::parse(value(failures_json(connection, "alpha")));
  CHECK(json["failures"].size() == 3);
  CHECK(std::count(json["failures"].begin(), json["failures"].end(),
                   nlohmann::json::parse(R"({"path": "bad\n.py", "state": "failed",
                     "reason": "parse", "detail": "line 3", "attempts": 3})")) == 1);
  CHECK(value(failures_text(connection, "beta")).empty());
  CHECK(failures_text(connection, "gamma").error().code == ErrorCode::kUsage);
}

TEST_CASE("search: --batch-tokens and --precision -> told to the worker that embeds the query",
          "[query]") {
  Settings settings;
  settings.batch_tokens = 300;
  settings.precision = Precision::kBf16;
  CHECK(
      value(embed_query(FORKDEX_FAKE_WORKER, ModelFolder{}, worker_tuning(settings), "a query")) ==
      std::vector<float>{300, static_cast<float>(Precision::kBf16)});
}

TEST_CASE("search: a query whose worker dies once -> its vector; over which two die -> an error",
          "[query][kill]") {
  Settings settings;
  const auto embedded = [&](const std::string& query) {
    return embed_query(FORKDEX_FAKE_WORKER, ModelFolder{}, worker_tuning(settings), query);
  };
  CHECK(value(embedded("first try")).size() == 2);
  const auto failed = embedded("crash");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::kBug);
  CHECK(failed.error().text().find("signal 6 (Aborted)") != std::string::npos);
}

TEST_CASE("search: a worker that cannot start -> an error at once", "[query]") {
  const auto failed = embed_query("/bin/false", ModelFolder{}, WorkerTuning{}, "a query");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::kBug);
}

TEST_CASE("doctor: knows the database's versions", "[postgres]") {
  PgConnection connection = connect(fresh_database("query_doctor"));
  const DatabaseVersions versions = value(database_versions(connection));
  CHECK(versions.server.find('.') != std::string::npos);
  CHECK(versions.pgvector.starts_with("0."));
  PgConnection bare = connect(fresh_database("query_doctor_bare", true));
  CHECK(value(database_versions(bare)).pgvector.empty());
}

TEST_CASE("doctor: reads the features that matter from cpuinfo", "[query]") {
  const test::TemporaryFolder root;
  root.write("proc/cpuinfo",
             "processor\t: 0\nmodel name\t: Some CPU\n"
             "flags\t\t: fpu avx avx2 avx512f avx512_bf16 avx5\n\nprocessor\t: 1\n"
             "flags\t\t: amx_bf16\n");
  const Processor processor = read_processor(root.path());
  CHECK(processor.model == "Some CPU");
  CHECK(processor.features == std::vector<std::string>{"avx2", "avx512f", "avx512_bf16"});
  CHECK(read_processor(root / "none").features.empty());
}

TEST_CASE("doctor: says what is there, what is wrong and what would be chosen", "[query]") {
  Examination examination{
      .limits = {},
      .processor = {"Some CPU", {"avx2"}},
      .database = "embedded PostgreSQL",
      .versions = DatabaseVersions{"18.4", "0.8.5"},
      .models = {{"/m", Error{ErrorCode::kModelUnusable, "no config.json", "/m"}}, {}},
      .workers = 3,
      .sandbox = {7, true},
      .memory_limit = "cgroup v2"};
  examination.limits.machine_cores = 8;
  examination.limits.cores = 4;
  examination.limits.total_bytes = 16ULL << 30;
  examination.limits.available_bytes = 12ULL << 30;
  examination.limits.cgroup_bytes = 2ULL << 30;
  examination.limits.cgroup_version = "v2";
  CHECK(examination_text(examination) ==
        "forkdex     " FORKDEX_VERSION
        "\n"
        "cores       4 of 8 (affinity or cgroup quota)\n"
        "memory      16.0 GiB, 12.0 GiB available, cgroup v2 allows 2.0 GiB\n"
        "processor   Some CPU\n"
        "features    avx2\n"
        "database    embedded PostgreSQL\n"
        "            PostgreSQL 18.4, pgvector 0.8.5\n"
        "code model  /m\n"
        "            no config.json (/m)\n"
        "text model  none\n"
        "workers     3 (--workers auto)\n"
        "            512 MiB each (--memory-per-worker auto), by cgroup v2\n"
        "sandbox     Landlock (ABI 7), system call filter\n");
  const auto json = nlohmann::json::parse(examination_json(examination));
  CHECK(json["cores"]["usable"] == 4);
  CHECK(json["memory"]["cgroup_bytes"] == 2ULL << 30);
  CHECK(json["database"]["pgvector"] == "0.8.5");
  CHECK(json["code_model"]["problem"] == "no config.json (/m)");
  CHECK(json["text_model"] == nullptr);
  CHECK(json["workers"] == 3);
  CHECK(json["memory_per_worker_bytes"] == 512 << 20);
  CHECK(json["memory_limit"] == "cgroup v2");
  CHECK(json["sandbox"]["landlock_abi"] == 7);
  CHECK(json["sandbox"]["system_call_filter"] == true);
  CHECK(verdict(examination).error().code == ErrorCode::kModelUnusable);
  examination.models.code.model = ModelFolder{};
  CHECK(verdict(examination).ok());
  examination.models.code.model.reset();
  CHECK(verdict(examination).error().code == ErrorCode::kUsage);
}

}  // namespace forkdex
