#include "supervisor/database/ledger.h"

#include <utility>

#include <fmt/format.h>

#include "common/error/error.h"
#include "common/pg/advisory_lock.h"
#include "common/pg/retry.h"
#include "supervisor/database/vectors.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 1000;  // records; some hundred KiB of parameters
constexpr std::chrono::seconds kOldest{1};

// A file that failed is tried by every run, and its row written anew; rows of other runs that this
// one did not get to are older. What stays quarantined or unreadable keeps its row. In hex, so that
// nothing is escaped twice.
constexpr const char* kProblems =
    "COPY (SELECT encode(convert_to(f.path, 'UTF8'), 'hex'), encode(convert_to(json_build_object("
    "'path', f.path, 'state', f.state, 'reason', coalesce(f.reason, ''), 'detail', "
    "coalesce(f.detail, ''), 'attempts', f.attempts)::text, 'UTF8'), 'hex') "
    "FROM forkdex.files f JOIN forkdex.runs r ON r.id = {} WHERE f.repository_id = {} "
    "AND (f.state = 'quarantined' OR f.state = 'failed' AND "
    "(f.reason = '{}' OR f.indexed_at >= r.started_at)) ORDER BY f.path COLLATE \"C\") TO STDOUT";

constexpr const char* kRefusedTexts =
    "COPY (SELECT encode(convert_to(t.path, 'UTF8'), 'hex'), encode(convert_to(json_build_object("
    "'path', t.path, 'state', 'indexed', 'reason', t.reason, 'detail', t.detail, "
    "'attempts', t.attempts)::text, 'UTF8'), 'hex') FROM ({}) t ORDER BY t.path COLLATE \"C\") "
    "TO STDOUT";

// Runs of a service that looks every minute would outgrow what they index. The last week's stay
// whatever their number: a head moves when all shards have a run at it.
constexpr const char* kForgetRuns =
    "DELETE FROM forkdex.runs WHERE id IN (SELECT id FROM (SELECT id, started_at, "
    "  row_number() OVER (PARTITION BY repository_id ORDER BY id DESC) AS age "
    "  FROM forkdex.runs) r WHERE age > 1000 AND started_at < now() - interval '7 days')";
constexpr std::int64_t kRunsBetween = 100;  // one run in so many looks for old ones

// Whether $2 is the head of all $3 shards ("0" means a run over all files): of the last run over
// each, that is, if it saw to all of its files, behind the last run over other parts. A run that
// did not may have left anything.
constexpr const char* kAllShardsAtHead =
    "($3 = '0' OR $3::bigint = (SELECT count(*) FROM ("
    "  SELECT DISTINCT ON (shard) files_done, head FROM forkdex.runs "
    "  WHERE repository_id = $1 AND NOT narrowed AND split_part(shard, '/', 2) = $3 AND id > ("
    "    SELECT coalesce(max(id), 0) FROM forkdex.runs WHERE repository_id = $1 AND NOT narrowed "
    "    AND split_part(shard, '/', 2) IS DISTINCT FROM $3) "
    "  ORDER BY shard, id DESC) AS last_runs "
    "  WHERE files_done AND head IS NOT DISTINCT FROM $2))";

std::string from_hex(std::string_view digits) {
  return bytes_from_bytea("\\x" + std::string(digits));
}

/// Claims the repository that `identity` is once the claim is had. It may have been removed, or
/// have become another one, between finding it and having it.
Result<RepositoryClaim> find_and_claim(PgConnection& connection, RepositoryIdentity& identity,
                                       const std::optional<Shard>& shard, const Waiting& waiting) {
  for (;;) {
    const auto id = find_or_add_repository(connection, identity);
    if (!id) return id.error();
    const RepositoryClaim claim{*id, identity.name, shard};
    bool waited = false;
    const auto begins = [&](const std::string& what) {
      waited = true;
      if (waiting.begins) waiting.begins(what);
    };
    const auto claimed = claim_repository(connection, claim, waiting.keep_waiting, begins);
    if (!claimed) return claimed.error();
    if (waited && waiting.look_again) {
      auto found = waiting.look_again();
      if (!found) return found.error();
      identity = *std::move(found);
    }
    const auto now = find_or_add_repository(connection, identity);
    if (!now) return now.error();
    if (*now == *id) return claim;
    if (const auto released = release_repository(connection, claim); !released)
      return released.error();
  }
}

}  // namespace

Result<Ledger> Ledger::open(PgConnection& connection, RepositoryIdentity identity,
                            const ViewModels& models, const RunPart& part, const Waiting& waiting) {
  auto claim = find_and_claim(connection, identity, part.shard, waiting);
  if (!claim) return claim.error();
  Ledger ledger(connection, *std::move(claim), part.listed);
  const auto moved_from = update_repository(connection, ledger.repository_id(), identity);
  if (!moved_from) return moved_from.error();
  ledger.moved_from_ = *moved_from;
  for (const View view : kViews) {
    if (!models[view]) continue;
    const auto id = model_id(connection, *models[view]);
    if (!id) return id.error();
    ledger.model_ids_[view] = *id;
  }
  ledger.message_model_id_ = ledger.model_ids_[message_view(models)];
  if (auto forgotten = ledger.forget_other_models(); !forgotten) return forgotten.error();
  if (auto begun = ledger.begin_run(); !begun) return begun.error();
  return ledger;
}

/// Before anything is stored under another model than all that is there.
Result<void> Ledger::forget_other_models() {
  // Whoever deletes vectors holds the lock alone: it sees that another model's are needed again, or
  // has deleted them before anybody looks for them.
  return retried(*connection_, [&]() -> Result<void> {
    const auto begun = connection_->run(
        fmt::format("BEGIN; SELECT pg_advisory_xact_lock_shared({}, 0)", kVectorsLock));
    if (!begun) return begun.error();
    const auto mixed = connection_->run(
        "UPDATE forkdex.repositories SET "
        "code_model = CASE code_model WHEN $2 THEN code_model END, "
        "text_model = CASE text_model WHEN $3 THEN text_model END, "
        "messages_model = CASE messages_model WHEN $4 THEN messages_model END, "
        "texts_total = NULL, texts_missing = NULL WHERE id = $1 "
        "AND (code_model IS DISTINCT FROM $2 OR text_model IS DISTINCT FROM $3 "
        "OR messages_model IS DISTINCT FROM $4)",
        {std::to_string(claim_.id), std::to_string(model_ids_.code),
         std::to_string(model_ids_.text), std::to_string(message_model_id_)});
    const auto ended = connection_->run(mixed ? "COMMIT" : "ROLLBACK");
    if (!mixed) return mixed.error();
    return ended ? Result<void>() : ended.error();
  });
}

Result<void> Ledger::begin_run() {
  const PgParam shard = claim_.shard ? PgParam(claim_.shard->text()) : std::nullopt;
  // Under the claim no other run that it excludes is alive: what still says so was killed.
  const auto begun = connection_->run(
      "WITH dead AS (UPDATE forkdex.runs SET status = 'interrupted' "
      "  WHERE repository_id = $1 AND status = 'running' "
      "  AND ($2::text IS NULL OR shard IS NULL OR shard = $2)) "
      "INSERT INTO forkdex.runs (repository_id, shard, narrowed, code_model, text_model) "
      "VALUES ($1, $2, $3, $4, $5) RETURNING id",
      {std::to_string(claim_.id), shard, listed_ ? "t" : "f", std::to_string(model_ids_.code),
       std::to_string(model_ids_.text)});
  if (!begun) return begun.error();
  if (begun->empty())
    return Error{ErrorCode::kDatabaseUnusable, "the run's row was not written", ""};
  run_id_ = begun->integer(0, 0);
  return {};
}

Result<void> Ledger::resume() {
  // A run that begins marks those before it.
  // What has a time of its end was ended by us, in a commit whose answer was lost.
  const auto row = connection_->run(
      "SELECT status = 'running' OR finished_at IS NOT NULL FROM forkdex.runs "
      "WHERE id = $1 AND repository_id = $2",
      {std::to_string(run_id_), std::to_string(claim_.id)});
  if (!row) return row.error();
  if (!row->empty() && row->text(0, 0) == "t") return {};
  return Error{ErrorCode::kClaimHeld,
               "while the database was away another run took over repository " + claim_.name +
                   ": run again to index what it left",
               ""};
}

Result<KnownFiles> Ledger::known_files() {
  return retried(*connection_, [&] { return KnownFiles::spool(*connection_, claim_.id); });
}

Result<void> Ledger::record(FileRecord record) {
  if (rows_.size() == 0) oldest_ = Clock::now();
  rows_.add(std::move(record));
  return rows_.size() >= kBatch ? flush() : Result<void>();
}

Result<void> Ledger::flush() { return rows_.write(); }

Result<void> Ledger::flush_when_due() {
  if (rows_.size() == 0 || Clock::now() - oldest_ < kOldest) return {};
  return flush();
}

Result<void> Ledger::for_each_problem(
    const std::function<void(std::string_view path, std::string_view json)>& problem) {
  const auto give = [&](std::string_view line) {
    const std::size_t tab = line.find('\t');
    problem(from_hex(line.substr(0, tab)), from_hex(line.substr(tab + 1)));
  };
  auto files = connection_->copy_out(
      fmt::format(kProblems, run_id_, claim_.id, traits(ErrorCode::kFileUnreadable).name), give);
  if (!files) return files;
  return connection_->copy_out(
      fmt::format(kRefusedTexts,
                  refused_chunks(claim_.id,
                                 fmt::format("ARRAY[{}, {}]", model_ids_.code, model_ids_.text))),
      give);
}

Result<KnownTexts> Ledger::known_texts() {
  const auto row = connection_->run(
      "SELECT coalesce(code_model = $2 AND text_model = $3, false), "
      "coalesce(messages_model = $4, false), texts_total, texts_missing, "
      "(SELECT coalesce(max(c.id), 0) FROM forkdex.chunks c WHERE c.repository_id = $1), "
      "commit_batches "
      "FROM forkdex.repositories WHERE id = $1",
      {std::to_string(claim_.id), std::to_string(model_ids_.code), std::to_string(model_ids_.text),
       std::to_string(message_model_id_)});
  if (!row) return row.error();
  KnownTexts known;
  if (row->empty()) return known;
  known.chunks_done = row->text(0, 0) == "t";
  known.messages_done = row->text(0, 1) == "t";
  if (!row->is_null(0, 2) && !row->is_null(0, 3))
    known.counts = TextCounts{static_cast<std::uint64_t>(row->integer(0, 2)),
                              static_cast<std::uint64_t>(row->integer(0, 3)), 0};
  if (known.chunks_done) known.done_up_to_chunk = row->integer(0, 4);
  known.commit_batches = row->integer(0, 5);
  if (before_) known.done_up_to_chunk = before_->done_up_to_chunk;
  return known;
}

Result<void> Ledger::begin_chunks() {
  if (!before_) {
    auto known = known_texts();
    if (!known) return known.error();
    before_ = *std::move(known);
  }
  const auto noted = connection_->run(
      "UPDATE forkdex.repositories SET code_model = NULL, text_model = NULL, texts_total = NULL, "
      "texts_missing = NULL WHERE id = $1",
      {std::to_string(claim_.id)});
  return noted ? Result<void>() : noted.error();
}

Result<void> Ledger::note_texts(const std::optional<TextCounts>& counts, const TextsDone& done) {
  const auto number = [&](std::uint64_t TextCounts::* count) {
    return counts ? PgParam(std::to_string((*counts).*count)) : std::nullopt;
  };
  const auto truth = [](const std::optional<bool>& value) {
    return value ? PgParam(*value ? "t" : "f") : std::nullopt;
  };
  const auto noted = connection_->run(
      "UPDATE forkdex.repositories SET texts_total = $2, texts_missing = $3, "
      "code_model = CASE $4::boolean WHEN true THEN $5::int WHEN false THEN NULL "
      " ELSE code_model END, "
      "text_model = CASE $4::boolean WHEN true THEN $6::int WHEN false THEN NULL "
      " ELSE text_model END, "
      "messages_model = CASE WHEN $7::boolean AND commit_batches = $9 THEN $8::int "
      " WHEN NOT $7::boolean THEN NULL ELSE messages_model END WHERE id = $1",
      {std::to_string(claim_.id), number(&TextCounts::total), number(&TextCounts::missing),
       truth(done.chunks), std::to_string(model_ids_.code), std::to_string(model_ids_.text),
       truth(done.messages), std::to_string(message_model_id_),
       std::to_string(done.commit_batches)});
  return noted ? Result<void>() : noted.error();
}

Result<std::optional<std::int64_t>> Ledger::collect_vectors(std::chrono::days kept) {
  return retried(*connection_, [&] { return collect_vectors_when_due(*connection_, kept); });
}

Result<void> Ledger::finish_run(const RunEnd& end) {
  if (const auto flushed = flush(); !flushed) return flushed;
  const auto ended = retried(*connection_, [&] {
    return connection_->run(
        "UPDATE forkdex.runs SET finished_at = now(), status = $2, report = $3::jsonb, head = $4, "
        "files_done = $5 WHERE id = $1",
        {std::to_string(run_id_), end.status, end.report, end.head, end.files_done ? "t" : "f"});
  });
  if (!ended) return ended.error();
  if (run_id_ % kRunsBetween == 0)
    if (const auto forgotten = retried(*connection_, [&] { return connection_->run(kForgetRuns); });
        !forgotten)
      return forgotten.error();
  if (!end.files_done || listed_) return {};
  return retried(*connection_, [&] { return move_head(end); });
}

/// A statement of its own, behind the commit of the run's end: of two shards that end at once, one
/// at least sees the other's.
Result<void> Ledger::move_head(const RunEnd& end) {
  const std::string count = claim_.shard ? std::to_string(claim_.shard->count) : "0";
  const auto moved = connection_->run(
      "UPDATE forkdex.repositories SET head = $2, indexed_at = now() WHERE id = $1 AND " +
          std::string(kAllShardsAtHead),
      {std::to_string(claim_.id), end.head, count});
  return moved ? Result<void>() : moved.error();
}

}  // namespace forkdex
