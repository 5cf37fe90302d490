#include "supervisor/database/ledger.h"

#include <utility>

#include "common/pg_retry.h"
#include "supervisor/database/vectors.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 1000;  // records; some hundred KiB of parameters
constexpr std::chrono::seconds kOldest{1};

}  // namespace

Result<Ledger> Ledger::open(PgConnection& connection, const RepositoryIdentity& identity,
                            const ModelFolder& model, const std::function<bool()>& keep_waiting) {
  const auto id = find_or_add_repository(connection, identity);
  if (!id) return id.error();
  if (const auto claimed = claim_repository(connection, *id, identity.name, keep_waiting); !claimed)
    return claimed.error();
  Ledger ledger(connection, *id, identity.name);
  const auto moved_from = update_repository(connection, *id, identity);
  if (!moved_from) return moved_from.error();
  ledger.moved_from_ = *moved_from;
  const auto model_row = forkdex::model_id(connection, model);
  if (!model_row) return model_row.error();
  ledger.model_id_ = *model_row;
  if (const auto begun = ledger.begin_run(); !begun) return begun.error();
  return ledger;
}

Result<void> Ledger::begin_run() {
  // Under the claim no other run is alive: what still says so was killed.
  const auto begun = connection_->run(
      "WITH dead AS (UPDATE forkdex.runs SET status = 'interrupted' "
      "  WHERE repository_id = $1 AND status = 'running') "
      "INSERT INTO forkdex.runs (repository_id) VALUES ($1) RETURNING id",
      {std::to_string(repository_id_)});
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
      {std::to_string(run_id_), std::to_string(repository_id_)});
  if (!row) return row.error();
  if (!row->empty() && row->text(0, 0) == "t") return {};
  return Error{ErrorCode::kClaimHeld,
               "while the database was away another run took over repository " + repository_name_ +
                   ": run again to index what it left",
               ""};
}

Result<KnownFiles> Ledger::known_files() {
  return retried(*connection_, [&] { return KnownFiles::spool(*connection_, repository_id_); });
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

Result<std::optional<double>> Ledger::build_vector_index(std::size_t dimension,
                                                         std::int64_t threshold) {
  return retried(*connection_, [&] {
    return build_vector_index_if_large(*connection_, model_id_, dimension, threshold);
  });
}

Result<void> Ledger::finish_run(const std::string& status, const std::string& report,
                                const std::optional<std::string>& head) {
  if (const auto flushed = flush(); !flushed) return flushed;
  const auto ended = retried(*connection_, [&] {
    return connection_->run(
        "WITH ended AS (UPDATE forkdex.runs SET finished_at = now(), status = $2, "
        "  report = $3::jsonb WHERE id = $1 RETURNING repository_id) "
        "UPDATE forkdex.repositories r SET head = $4, indexed_at = now() FROM ended "
        "WHERE r.id = ended.repository_id AND $2 = 'complete'",
        {std::to_string(run_id_), status, report, head});
  });
  return ended ? Result<void>() : ended.error();
}

}  // namespace forkdex
