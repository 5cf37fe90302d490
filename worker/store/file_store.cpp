#include "worker/store/file_store.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "common/base/path_text.h"
#include "common/error/fault.h"
#include "common/pg/advisory_lock.h"
#include "common/pg/retry.h"
#include "common/pg/session.h"
#include "worker/store/copy_encoder.h"

namespace forkdex {
namespace {

// Read committed, whatever the database's default: each statement sees what was committed before
// it, so the deletion sees the chunks that a transaction has left that was waited for.
constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED";

constexpr const char* kDeleteChunks =
    "DELETE FROM forkdex.chunks WHERE repository_id = $1 AND path_hash = $2";

constexpr const char* kUpsertFile =
    "INSERT INTO forkdex.files AS f (repository_id, path_hash, path, raw_path, content_hash, "
    " blob_oid, language, state, reason, detail, attempts, chunk_count, bytes, recipe, size, "
    "mtime_ns, "
    " ctime_ns, inode, seen_at_ns) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
    "ON CONFLICT (repository_id, path_hash) DO UPDATE SET content_hash = excluded.content_hash, "
    " blob_oid = excluded.blob_oid, language = excluded.language, state = excluded.state, "
    " reason = excluded.reason, detail = excluded.detail, attempts = excluded.attempts, "
    " refused_limit = NULL, "
    " chunk_count = excluded.chunk_count, bytes = excluded.bytes, recipe = excluded.recipe, "
    " indexed_at = now(), size = excluded.size, mtime_ns = excluded.mtime_ns, "
    " ctime_ns = excluded.ctime_ns, inode = excluded.inode, seen_at_ns = excluded.seen_at_ns";

// Writes what it finds, as it is: the commit that brought it may not have waited for the disk,
// where this one takes it.
constexpr const char* kStoredByRun =
    "UPDATE forkdex.files f SET indexed_at = f.indexed_at FROM forkdex.runs r "
    "WHERE r.id = $1 AND f.indexed_at >= r.started_at "
    "AND f.repository_id = $2 AND f.path_hash = $3 AND f.content_hash = $4 AND f.recipe = $5 "
    "AND f.state IN ('indexed', 'empty') RETURNING "
    "f.state = 'indexed', f.chunk_count, coalesce(f.language, ''), coalesce(f.reason, ''), "
    "coalesce(f.detail, '')";

constexpr const char* kCopyChunks =
    "COPY forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, qualified_name, "
    "parent, signature, docstring, start_line, end_line, definition_line, start_byte, end_byte, "
    "source, content_hash, text_hash, metadata, lexemes, text_view) FROM STDIN (FORMAT binary); "
    "COMMIT";
constexpr std::int16_t kChunkColumns = 21;

PgValue text_or_null(std::string_view text) {
  return text.empty() ? PgValue(std::nullopt) : PgValue(std::string(text));
}

PgValue number(std::uint64_t value) { return PgValue(std::bit_cast<std::int64_t>(value)); }

/// The path as the rows of `files` and `chunks` hold it.
struct PathColumns {
  Sha256 hash;
  std::string text;
  PgValue raw{std::nullopt};

  explicit PathColumns(std::string_view path) : hash(sha256(path)), text(escape_path(path)) {
    if (text != path) raw = PgValue::binary(path);
  }
};

PgCall upsert_call(const StoredFile& file, const PathColumns& path) {
  const FileFacts& facts = file.facts;
  const StatSignature& seen = facts.signature;
  return {"upsert_file",
          {PgValue(file.repository_id), PgValue::binary(bytes_of(path.hash)), PgValue(path.text),
           path.raw, PgValue::binary(bytes_of(file.content_hash)), text_or_null(facts.blob_oid),
           text_or_null(facts.language), PgValue(std::string(name(file.verdict.state))),
           text_or_null(file.verdict.reason), text_or_null(file.verdict.detail),
           number(file.verdict.attempts), number(file.chunks.size()), number(facts.bytes),
           text_or_null(file.recipe), number(seen.size), PgValue(seen.mtime_ns),
           PgValue(seen.ctime_ns), number(seen.inode), PgValue(seen.seen_at_ns)}};
}

void encode(const StoredFile& file, const PathColumns& path, CopyEncoder& rows) {
  for (std::size_t i = 0; i < file.chunks.size(); ++i) {
    const Chunk& chunk = file.chunks[i];
    rows.row(kChunkColumns)
        .int4(static_cast<std::int32_t>(file.repository_id))
        .bytea(path.hash)
        .text(path.text)
        .int4(static_cast<std::int32_t>(chunk.ordinal))
        .text(name(chunk.kind))
        .text(chunk.name)
        .text(chunk.qualified_name)
        .text(chunk.parent)
        .text(chunk.signature)
        .text(chunk.docstring)
        .int4(static_cast<std::int32_t>(chunk.start_line))
        .int4(static_cast<std::int32_t>(chunk.end_line))
        .int4(static_cast<std::int32_t>(chunk.definition_line))
        .int8(static_cast<std::int64_t>(chunk.start_byte))
        .int8(static_cast<std::int64_t>(chunk.end_byte))
        .text(chunk.source)
        .bytea(file.hashes.code[i]);
    const bool has_text = !file.hashes.text.empty();
    if (has_text)
      rows.bytea(file.hashes.text[i]);
    else
      rows.null();
    rows.jsonb(chunk.metadata).tsvector(chunk.lexemes);
    if (has_text)
      rows.text(chunk.text_view);
    else
      rows.null();
  }
}

}  // namespace

Result<FileStore> FileStore::open(const std::string& conninfo, const std::string& application_name,
                                  std::chrono::milliseconds lock_timeout) {
  auto connection = PgConnection::open(conninfo, application_name);
  if (!connection) return connection.error();
  FileStore store(std::move(*connection));
  if (const auto prepared = store.prepare(lock_timeout); !prepared) return prepared.error();
  return store;
}

Result<bool> FileStore::is_superuser() {
  const auto row = connection_.run("SELECT current_setting('is_superuser')");
  if (!row) return row.error();
  return row->text(0, 0) == "on";
}

Result<void> FileStore::prepare(std::chrono::milliseconds lock_timeout) {
  if (const auto lifted = prepare_session(connection_); !lifted) return lifted;
  // Plans are kept, and the first is made over empty tables, where reading all of a table is
  // cheapest: every statement here must go through an index whatever the statistics say.
  const auto set = connection_.run(fmt::format(
      "SET enable_seqscan = off; SET jit = off; SET lock_timeout = {}", lock_timeout.count()));
  if (!set) return set.error();
  const std::pair<const char*, std::string> statements[] = {
      {"begin", kBegin},
      {"commit_early", "SET LOCAL synchronous_commit = off"},
      {"lock_vectors", fmt::format("SELECT pg_advisory_xact_lock_shared({}, 0)", kVectorsLock)},
      {"lock_words", fmt::format("SELECT pg_advisory_xact_lock_shared({}, $1)", kWordsLock)},
      {"delete_chunks", kDeleteChunks},
      {"upsert_file", kUpsertFile},
      {"stored_by_run", kStoredByRun},
      {"commit", "COMMIT"},
  };
  for (const auto& [name, sql] : statements)
    if (const auto prepared = connection_.prepare(name, sql); !prepared) return prepared;
  return {};
}

Result<std::optional<StoredResult>> FileStore::stored_by_run(std::int64_t run_id,
                                                             const StoredFile& file) {
  const Sha256 path_hash = sha256(file.path);
  const PgCall call{
      "stored_by_run",
      {PgValue(run_id), PgValue(file.repository_id), PgValue::binary(bytes_of(path_hash)),
       PgValue::binary(bytes_of(file.content_hash)), PgValue(std::string(file.recipe))}};
  const auto answers = connection_.run_pipeline({&call, 1});
  if (!answers) return answers.error();
  const PgRows& rows = answers->front();
  if (rows.empty()) return std::optional<StoredResult>();
  StoredResult result;
  result.verdict.state = rows.text(0, 0) == "t" ? FileState::kIndexed : FileState::kEmpty;
  result.chunks = static_cast<std::uint32_t>(rows.integer(0, 1));
  result.language = rows.text(0, 2);
  result.verdict.reason = rows.text(0, 3);
  result.verdict.detail = rows.text(0, 4);
  return std::optional(result);
}

Result<void> FileStore::store(const StoredFile& file) {
  for (int tries = 1;; ++tries) {
    auto stored = store_once(file);
    if (stored || !try_again(connection_, tries)) return stored;
  }
}

Result<void> FileStore::store_once(const StoredFile& file) {
  assert(file.chunks.size() == file.hashes.code.size());
  if (auto passed = fault::point("store.begin", file.path); !passed) return passed;
  const PathColumns path(file.path);
  std::vector<PgCall> calls = {
      {"begin", {}}, {"lock_vectors", {}}, {"lock_words", {PgValue(file.repository_id)}}};
  if (!file.waits_for_disk) calls.push_back({"commit_early", {}});
  // The row first: where a dead worker's commit is still on its way this waits for it, and only a
  // later statement sees the chunks it has left.
  calls.push_back(upsert_call(file, path));
  calls.push_back(
      {"delete_chunks", {PgValue(file.repository_id), PgValue::binary(bytes_of(path.hash))}});
  if (file.chunks.empty()) {
    calls.push_back({"commit", {}});
    if (auto passed = fault::point("store.commit", file.path); !passed) return passed;
  }
  const auto answers = connection_.run_pipeline(calls);
  if (!answers) return answers.error();
  if (!file.chunks.empty()) {
    CopyEncoder rows;
    encode(file, path, rows);
    if (auto passed = fault::point("store.commit", file.path); !passed) return passed;
    if (auto copied = connection_.copy_in(kCopyChunks, rows.finish()); !copied) return copied;
  }
  return fault::point("store.committed", file.path);
}

}  // namespace forkdex
