#include "supervisor/database/commit_rows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/path_text.h"
#include "common/error/fault.h"
#include "common/pg/advisory_lock.h"
#include "common/pg/retry.h"

namespace forkdex {
namespace {

constexpr std::size_t kBatchCommits = 500;
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
constexpr std::size_t kBatchPaths = 2000;

// A row that is there is the same commit: only what lies in the eye of the walk can differ.
constexpr const char* kUpsert =
    "INSERT INTO forkdex.commits AS c (repository_id, oid, author, authored_at, message, files, "
    "  file_count, content_hash) "
    "SELECT $1, f.oid, f.author, to_timestamp(f.authored_at), f.message, f.files::text[], "
    "  f.file_count, f.content_hash "
    "FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::int[], "
    "  $8::bytea[]) AS f (oid, author, authored_at, message, files, file_count, content_hash) "
    "ON CONFLICT (repository_id, oid) DO UPDATE SET author = excluded.author, "
    "  authored_at = excluded.authored_at, message = excluded.message, files = excluded.files, "
    "  file_count = excluded.file_count, content_hash = excluded.content_hash "
    "WHERE (c.author, c.authored_at, c.message, c.files, c.file_count, c.content_hash) "
    "  IS DISTINCT FROM (excluded.author, excluded.authored_at, excluded.message, "
    "  excluded.files, excluded.file_count, excluded.content_hash)";

constexpr const char* kSetLastCommits =
    "UPDATE forkdex.files f SET last_commit = fresh.commit, last_commit_known = true "
    "FROM unnest($2::bytea[], $3::text[]) AS fresh (path_hash, commit) "
    "WHERE f.repository_id = $1 AND f.path_hash = ANY ($2::bytea[]) "
    "  AND f.path_hash = fresh.path_hash "
    "  AND (f.last_commit IS DISTINCT FROM fresh.commit OR NOT f.last_commit_known)";

/// One array parameter: `field` of each row.
template <class Rows, class Field>
PgParam column(const Rows& rows, Field field) {
  std::vector<PgParam> values;
  values.reserve(rows.size());
  for (const auto& row : rows) values.push_back(field(row));
  return array_text(values);
}

PgParam files_of(const Commit& commit) {
  return column(commit.files, [](const std::string& path) { return PgParam(escape_path(path)); });
}

Sha256 hash_from_text(std::string_view bytea) {
  const std::string bytes = bytes_from_bytea(bytea);
  Sha256 hash{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
  return hash;
}

}  // namespace

/// Runs `statements` in a transaction, again where others made it fail.
template <class F>
Result<void> CommitRows::in_transaction(F statements) {
  for (int tries = 1;; ++tries) {
    // Rows are found by their keys, whatever the statistics say.
    auto begun = connection_->run("BEGIN; SET LOCAL enable_seqscan = off");
    Result<void> done = begun ? statements() : Result<void>(begun.error());
    if (done)
      if (auto committed = connection_->run("COMMIT"); !committed) done = committed.error();
    if (done || !try_again(*connection_, tries)) return done;
  }
}

Result<WalkedHistory> CommitRows::walked() {
  const auto rows = connection_->run(
      "SELECT walked_head, coalesce(walked_scope, ''), NOT EXISTS ("
      "  SELECT FROM forkdex.files WHERE repository_id = $1 AND NOT last_commit_known), "
      "EXISTS (SELECT FROM forkdex.commits WHERE repository_id = $1), walk_unsettled, "
      "commit_batches FROM forkdex.repositories WHERE id = $1",
      {std::to_string(repository_id_)});
  if (!rows) return rows.error();
  WalkedHistory walked;
  if (rows->empty()) return walked;
  if (!rows->is_null(0, 0)) walked.head = rows->text(0, 0);
  walked.scope = rows->text(0, 1);
  walked.all_paths_known = rows->text(0, 2) == "t";
  walked.any_commits = rows->text(0, 3) == "t";
  walked.unsettled = rows->text(0, 4) == "t";
  walked.batches = rows->integer(0, 5);
  own_batches_ = 0;
  return walked;
}

Result<void> CommitRows::for_each_path(
    bool unknown_only, const std::function<void(const Sha256&, bool is_known)>& visit) {
  return connection_->copy_out(
      fmt::format("COPY (SELECT last_commit_known, encode(path_hash, 'hex') FROM forkdex.files "
                  "WHERE repository_id = {}{}) TO STDOUT",
                  repository_id_, unknown_only ? " AND NOT last_commit_known" : ""),
      [&](std::string_view line) {
        if (line.size() < 2) return;
        visit(hash_from_text("\\x" + std::string(line.substr(2))), line.front() == 't');
      });
}

Result<std::vector<ObjectId>> CommitRows::stored() {
  std::vector<ObjectId> ids;
  const auto copied = connection_->copy_out(
      fmt::format("COPY (SELECT oid FROM forkdex.commits WHERE repository_id = {}) TO STDOUT",
                  repository_id_),
      [&](std::string_view line) {
        if (const auto id = object_id(line)) ids.push_back(*id);
      });
  if (!copied) return copied.error();
  std::sort(ids.begin(), ids.end());
  return ids;
}

Result<void> CommitRows::add(Commit&& commit) {
  batch_bytes_ += commit.author.size() + commit.message.size();
  for (const std::string& path : commit.files) batch_bytes_ += path.size();
  batch_.push_back(std::move(commit));
  const bool full = batch_.size() >= kBatchCommits || batch_bytes_ >= kBatchBytes;
  return full ? flush() : Result<void>();
}

Result<void> CommitRows::flush() {
  if (batch_.empty()) return {};
  if (auto passed = fault::point("commits.write"); !passed) return passed;
  std::uint64_t rows = 0;
  auto written = in_transaction([&] { return write_batch(rows); });
  if (written) written_ += rows;
  if (written) ++own_batches_;
  // Whoever goes on after an error begins a walk of its own.
  batch_.clear();
  batch_bytes_ = 0;
  return written;
}

Result<void> CommitRows::write_batch(std::uint64_t& written) {
  // Whoever deletes vectors holds this lock alone: it sees these messages, or they come after it.
  const auto locked =
      connection_->run(fmt::format("SELECT pg_advisory_xact_lock_shared({}, 0)", kVectorsLock));
  if (!locked) return locked.error();
  const std::string id = std::to_string(repository_id_);
  std::vector<PgParam> params = {id};
  const auto add = [&](auto field) { params.push_back(column(batch_, field)); };
  add([](const Commit& c) { return PgParam(hex(c.id)); });
  add([](const Commit& c) { return PgParam(c.author); });
  add([](const Commit& c) { return PgParam(std::to_string(c.authored_at)); });
  add([](const Commit& c) { return PgParam(c.message); });
  add(files_of);
  add([](const Commit& c) { return PgParam(std::to_string(c.file_count)); });
  add([](const Commit& c) {
    return c.message.empty() ? PgParam() : bytea_text(bytes_of(sha256(c.message)));
  });
  const auto done = connection_->run(kUpsert, params);
  if (!done) return done.error();
  written = static_cast<std::uint64_t>(done->affected());
  const auto noted = connection_->run(
      "UPDATE forkdex.repositories SET messages_model = NULL, texts_total = NULL, "
      "texts_missing = NULL, walk_unsettled = true, "
      "commit_batches = commit_batches + 1 WHERE id = $1",
      {id});
  return noted ? Result<void>() : noted.error();
}

Result<bool> CommitRows::settle(const WalkedHistory& before, const Walk& walk) {
  bool alone = true;
  auto settled = in_transaction([&]() -> Result<void> {
    const auto now = connection_->run(
        "SELECT walked_head, coalesce(walked_scope, ''), commit_batches "
        "FROM forkdex.repositories WHERE id = $1 FOR UPDATE",
        {std::to_string(repository_id_)});
    if (!now) return now.error();
    alone = !now->empty() && now->text(0, 0) == before.head.value_or("") &&
            now->text(0, 1) == before.scope;
    if (!alone) return {};
    const bool wrote_alone = now->integer(0, 2) == before.batches + own_batches_;
    if (auto written = write_last_commits(walk); !written) return written;
    if (auto removed = remove(walk.gone); !removed) return removed;
    const auto noted = connection_->run(
        "UPDATE forkdex.repositories SET walked_head = $2, walked_scope = $3, "
        "texts_total = CASE WHEN $5 THEN NULL ELSE texts_total END, "
        "texts_missing = CASE WHEN $5 THEN NULL ELSE texts_missing END, "
        "walk_unsettled = walk_unsettled AND NOT $4 WHERE id = $1",
        {std::to_string(repository_id_), walk.head, walk.scope, wrote_alone ? "t" : "f",
         walk.gone.empty() ? "f" : "t"});
    return noted ? Result<void>() : noted.error();
  });
  if (!settled) return settled.error();
  return alone;
}

Result<void> CommitRows::write_last_commits(const Walk& walk) {
  std::vector<LastCommit> batch;
  std::uint32_t at = 0;
  while (auto last = walk.next_last_commit(at)) {
    batch.push_back(*std::move(last));
    if (batch.size() < kBatchPaths) continue;
    if (auto written = write_last_commits(batch); !written) return written;
    batch.clear();
  }
  return batch.empty() ? Result<void>() : write_last_commits(batch);
}

Result<void> CommitRows::write_last_commits(const std::vector<LastCommit>& batch) {
  const auto done = connection_->run(
      kSetLastCommits,
      {std::to_string(repository_id_),
       column(batch, [](const LastCommit& last) { return bytea_text(bytes_of(last.path_hash)); }),
       column(batch, [](const LastCommit& last) {
         return last.commit ? PgParam(hex(*last.commit)) : PgParam();
       })});
  return done ? Result<void>() : done.error();
}

Result<void> CommitRows::remove(const std::vector<ObjectId>& gone) {
  for (std::size_t begin = 0; begin < gone.size(); begin += kBatchPaths) {
    const std::size_t size = std::min(kBatchPaths, gone.size() - begin);
    const std::span<const ObjectId> batch(gone.data() + begin, size);
    const auto done = connection_->run(
        "DELETE FROM forkdex.commits WHERE repository_id = $1 AND oid = ANY ($2::text[])",
        {std::to_string(repository_id_),
         column(batch, [](const ObjectId& id) { return PgParam(hex(id)); })});
    if (!done) return done.error();
  }
  return {};
}

Result<void> CommitRows::clear() {
  return in_transaction([&]() -> Result<void> {
    // The lock first: a batch that comes after the deletion is then noted after it too.
    for (const char* statement :
         {"SELECT FROM forkdex.repositories WHERE id = $1 FOR UPDATE",
          "DELETE FROM forkdex.commits WHERE repository_id = $1",
          "UPDATE forkdex.files SET last_commit = NULL, last_commit_known = false "
          "WHERE repository_id = $1 AND last_commit_known",
          "UPDATE forkdex.repositories SET walked_head = NULL, walked_scope = NULL, "
          "texts_total = NULL, texts_missing = NULL, walk_unsettled = false WHERE id = $1"})
      if (const auto done = connection_->run(statement, {std::to_string(repository_id_)}); !done)
        return done.error();
    return {};
  });
}

}  // namespace forkdex
