#include "supervisor/database/file_rows.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "common/base/path_text.h"
#include "common/error/fault.h"
#include "common/pg/retry.h"

namespace forkdex {
namespace {

// Rows are found by path. Beside `= ANY` the planner has no cheaper way than the key's index, and
// reading a whole table for a batch is ruled out, whatever statistics it has.
constexpr const char* kBegin = "BEGIN; SET LOCAL enable_seqscan = off";

constexpr const char* kUpsertRefused =
    "WITH fresh AS (SELECT * FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], "
    "  $6::text[], $7::text[], $8::text[], $9::bigint[], $10::int[], $11::text[], $12::text[], "
    "  $13::bytea[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], "
    "  $19::bigint[]) "
    "  AS f (path_hash, path, raw_path, state, reason, detail, language, bytes, attempts, recipe, "
    "        blob_oid, content_hash, refused_limit, size, mtime_ns, ctime_ns, inode, "
    "        seen_at_ns)) "
    "INSERT INTO forkdex.files (repository_id, path_hash, path, raw_path, state, reason, detail, "
    "  language, bytes, attempts, recipe, blob_oid, content_hash, refused_limit, size, mtime_ns, "
    "  ctime_ns, inode, seen_at_ns) SELECT $1, f.* FROM fresh f "
    "ON CONFLICT (repository_id, path_hash) DO UPDATE SET state = excluded.state, "
    "  reason = excluded.reason, detail = excluded.detail, language = excluded.language, "
    "  bytes = excluded.bytes, attempts = excluded.attempts, recipe = excluded.recipe, "
    "  blob_oid = excluded.blob_oid, content_hash = excluded.content_hash, chunk_count = 0, "
    "  refused_limit = excluded.refused_limit, "
    "  indexed_at = now(), size = excluded.size, mtime_ns = excluded.mtime_ns, "
    "  ctime_ns = excluded.ctime_ns, inode = excluded.inode, seen_at_ns = excluded.seen_at_ns";

constexpr const char* kRefresh =
    "UPDATE forkdex.files f SET blob_oid = fresh.blob_oid, size = fresh.size, "
    "  mtime_ns = fresh.mtime_ns, ctime_ns = fresh.ctime_ns, inode = fresh.inode, "
    "  seen_at_ns = fresh.seen_at_ns "
    "FROM unnest($2::bytea[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], "
    "  $8::bigint[]) AS fresh (path_hash, blob_oid, size, mtime_ns, ctime_ns, inode, seen_at_ns) "
    "WHERE f.repository_id = $1 AND f.path_hash = ANY ($2::bytea[]) "
    "  AND f.path_hash = fresh.path_hash";

// A dead worker's commit may still be on its way: whoever has the row waits for it, and only a
// later statement sees the chunks that came with it.
constexpr const char* kLock =
    "SELECT 1 FROM forkdex.files WHERE repository_id = $1 AND path_hash = ANY ($2::bytea[]) "
    "ORDER BY path_hash FOR UPDATE";
constexpr const char* kRemoveChunks =
    "DELETE FROM forkdex.chunks WHERE repository_id = $1 AND path_hash = ANY ($2::bytea[])";
constexpr const char* kRemoveFiles =
    "DELETE FROM forkdex.files WHERE repository_id = $1 AND path_hash = ANY ($2::bytea[])";

PgParam number(std::uint64_t value) { return std::to_string(std::bit_cast<std::int64_t>(value)); }

/// A text the database takes: what a system or library says of a file may quote its name.
PgParam text_or_null(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::string escaped = escape_path(text);
  const auto backslashes = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\\'));
  const bool valid = escaped.size() == text.size() + backslashes;
  std::string safe = valid ? std::string(text) : std::move(escaped);
  std::replace(safe.begin(), safe.end(), '\0', ' ');
  return safe;
}

/// One array parameter: `field` of each record.
template <class Field>
PgParam column(const std::vector<FileRecord>& records, Field field) {
  std::vector<PgParam> values;
  values.reserve(records.size());
  for (const FileRecord& record : records) values.push_back(field(record));
  return array_text(values);
}

PgParam path_hashes(const std::vector<FileRecord>& records) {
  return column(records, [](const FileRecord& r) { return bytea_text(bytes_of(sha256(r.path))); });
}

/// The five columns of the signature, last in every statement that has them.
void add_signature(const std::vector<FileRecord>& records, std::vector<PgParam>& params) {
  const auto add = [&](auto field) {
    params.push_back(
        column(records, [field](const FileRecord& r) { return field(r.facts.signature); }));
  };
  add([](const StatSignature& s) { return number(s.size); });
  add([](const StatSignature& s) { return PgParam(std::to_string(s.mtime_ns)); });
  add([](const StatSignature& s) { return PgParam(std::to_string(s.ctime_ns)); });
  add([](const StatSignature& s) { return number(s.inode); });
  add([](const StatSignature& s) { return PgParam(std::to_string(s.seen_at_ns)); });
}

}  // namespace

void FileRows::add(FileRecord record) {
  if (record.verdict.state == FileState::kUnchanged)
    refreshed_.push_back(std::move(record));
  else if (record.verdict.state == FileState::kRemoved)
    removed_.push_back(std::move(record));
  else
    refused_.push_back(std::move(record));
}

Result<void> FileRows::write() {
  if (size() == 0) return {};
  if (auto passed = fault::point("ledger.flush"); !passed) return passed;
  for (int tries = 1;; ++tries) {
    const auto written = write_all();
    if (written) break;
    if (!try_again(*connection_, tries)) return written;
  }
  refused_.clear();
  refreshed_.clear();
  removed_.clear();
  return {};
}

Result<void> FileRows::write_all() {
  const auto begun = connection_->run(kBegin);
  if (!begun) return begun.error();
  if (const auto written = write_refused(); !written) return written;
  if (const auto written = write_refreshed(); !written) return written;
  if (const auto written = write_removed(); !written) return written;
  const auto committed = connection_->run("COMMIT");
  return committed ? Result<void>() : committed.error();
}

Result<void> FileRows::write_refused() {
  if (refused_.empty()) return {};
  std::vector<PgParam> params = {std::to_string(repository_id_), path_hashes(refused_)};
  const auto add = [&](auto field) { params.push_back(column(refused_, field)); };
  add([](const FileRecord& r) { return PgParam(escape_path(r.path)); });
  add([](const FileRecord& r) {
    return escape_path(r.path) == r.path ? PgParam() : PgParam(bytea_text(r.path));
  });
  add([](const FileRecord& r) { return PgParam(std::string(name(r.verdict.state))); });
  add([](const FileRecord& r) { return text_or_null(r.verdict.reason); });
  add([](const FileRecord& r) { return text_or_null(r.verdict.detail); });
  add([](const FileRecord& r) { return text_or_null(r.facts.language); });
  add([](const FileRecord& r) { return number(r.facts.bytes); });
  add([](const FileRecord& r) { return number(r.verdict.attempts); });
  add([](const FileRecord& r) { return text_or_null(r.recipe); });
  add([](const FileRecord& r) { return text_or_null(r.facts.blob_oid); });
  add([](const FileRecord& r) {
    return r.content_hash ? bytea_text(bytes_of(*r.content_hash)) : PgParam();
  });
  add([](const FileRecord& r) { return r.refused_limit ? number(r.refused_limit) : PgParam(); });
  add_signature(refused_, params);
  const auto done = connection_->run(kUpsertRefused, params);
  if (!done) return done.error();
  const auto cleared =
      connection_->run(kRemoveChunks, {std::to_string(repository_id_), path_hashes(refused_)});
  if (!cleared) return cleared.error();
  return cleared->affected() > 0 ? forget_text_counts() : Result<void>();
}

Result<void> FileRows::forget_text_counts() {
  const auto forgotten = connection_->run(
      "UPDATE forkdex.repositories SET texts_total = NULL, texts_missing = NULL WHERE id = $1",
      {std::to_string(repository_id_)});
  return forgotten ? Result<void>() : forgotten.error();
}

Result<void> FileRows::write_refreshed() {
  if (refreshed_.empty()) return {};
  std::vector<PgParam> params = {std::to_string(repository_id_), path_hashes(refreshed_)};
  params.push_back(
      column(refreshed_, [](const FileRecord& r) { return text_or_null(r.facts.blob_oid); }));
  add_signature(refreshed_, params);
  const auto done = connection_->run(kRefresh, params);
  return done ? Result<void>() : done.error();
}

Result<void> FileRows::write_removed() {
  if (removed_.empty()) return {};
  const std::vector<PgParam> params = {std::to_string(repository_id_), path_hashes(removed_)};
  for (const char* statement : {kLock, kRemoveChunks, kRemoveFiles})
    if (const auto done = connection_->run(statement, params); !done) return done.error();
  return forget_text_counts();
}

}  // namespace forkdex
