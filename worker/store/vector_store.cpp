#include "worker/store/vector_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/pg/advisory_lock.h"
#include "common/pg/retry.h"

namespace forkdex {
namespace {

// A scalar subquery a hash, not a join: a kept plan could join the other way round and read every
// vector of the model for eight hashes.
constexpr const char* kKnownVectors =
    "SELECT wanted.place FROM unnest($2::bytea[]) WITH ORDINALITY AS wanted (hash, place) WHERE "
    "(SELECT true FROM forkdex.vectors v WHERE v.model_id = $1 AND v.content_hash = wanted.hash)";

// In the order of the key: two transactions that insert the same vectors in different orders would
// wait for each other.
constexpr const char* kInsertVectors =
    "INSERT INTO forkdex.vectors (model_id, content_hash, embedding) "
    "SELECT $1::int, fresh.hash, fresh.embedding "
    "FROM unnest($2::bytea[], $3::halfvec[]) AS fresh (hash, embedding) "
    "ORDER BY fresh.hash ON CONFLICT DO NOTHING";

std::string_view statement_of(TextSource source) {
  switch (source) {
    case TextSource::kCode:
      return "texts_code";
    case TextSource::kText:
      return "texts_text";
    case TextSource::kMessage:
      break;
  }
  return "texts_message";
}

/// Gives the place and the text of each hash of $1 that a row of `table` has in `hash_column`.
std::string texts_statement(std::string_view text_column, std::string_view table,
                            std::string_view hash_column) {
  return fmt::format(
      "SELECT found.place, found.text FROM (SELECT wanted.place, (SELECT left(t.{0}, {3}) "
      "FROM forkdex.{1} t WHERE t.{2} = wanted.hash AND t.{0} IS NOT NULL LIMIT 1) AS text "
      "FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (hash, place)) found "
      "WHERE found.text IS NOT NULL ORDER BY found.place",
      text_column, table, hash_column, VectorStore::kMostLetters);
}

std::vector<StoredVector> sorted_once_each(std::span<const StoredVector> vectors) {
  std::vector<StoredVector> sorted(vectors.begin(), vectors.end());
  std::ranges::sort(sorted, {}, &StoredVector::first);
  const auto repeated = std::ranges::unique(sorted, {}, &StoredVector::first);
  sorted.erase(repeated.begin(), repeated.end());
  return sorted;
}

}  // namespace

Result<VectorStore> VectorStore::open(PgConnection& connection) {
  VectorStore store(connection);
  if (auto prepared = store.prepare(); !prepared) return prepared.error();
  return store;
}

Result<void> VectorStore::prepare() {
  const auto halfvec = connection_->run("SELECT 'halfvec'::regtype::oid");
  if (!halfvec) return halfvec.error();
  halfvec_oid_ = static_cast<std::uint32_t>(halfvec->integer(0, 0));
  const std::pair<const char*, std::string> statements[] = {
      {"vectors_begin", "BEGIN ISOLATION LEVEL READ COMMITTED"},
      {"vectors_lock", fmt::format("SELECT pg_advisory_xact_lock_shared({}, 0)", kVectorsLock)},
      {"vectors_known", kKnownVectors},
      {"vectors_insert", kInsertVectors},
      {"vectors_commit", "COMMIT"},
      {"texts_code", texts_statement("source", "chunks", "content_hash")},
      {"texts_text", texts_statement("text_view", "chunks", "text_hash")},
      {"texts_message", texts_statement("message", "commits", "content_hash")},
  };
  for (const auto& [name, sql] : statements)
    if (auto prepared = connection_->prepare(name, sql); !prepared) return prepared;
  return {};
}

Result<std::vector<bool>> VectorStore::known(std::int64_t model_id,
                                             std::span<const Sha256> hashes) {
  std::vector<bool> known(hashes.size(), false);
  if (hashes.empty()) return known;
  const PgCall call{"vectors_known", {PgValue(model_id), PgValue::binary(bytea_array(hashes))}};
  const auto answers = connection_->run_pipeline({&call, 1});
  if (!answers) return answers.error();
  const PgRows& places = answers->front();
  for (int row = 0; row < places.size(); ++row)
    known.at(static_cast<std::size_t>(places.integer(row, 0) - 1)) = true;
  return known;
}

Result<VectorStore::Texts> VectorStore::texts(TextSource source, std::span<const Sha256> hashes) {
  Texts found;
  if (hashes.empty()) return found;
  const PgCall call{std::string(statement_of(source)), {PgValue::binary(bytea_array(hashes))}};
  const auto answers = connection_->run_pipeline({&call, 1});
  if (!answers) return answers.error();
  const PgRows& rows = answers->front();
  for (int row = 0; row < rows.size(); ++row) {
    found.hashes.push_back(hashes[static_cast<std::size_t>(rows.integer(row, 0) - 1)]);
    found.texts.emplace_back(rows.text(row, 1));
  }
  return found;
}

Result<void> VectorStore::store(std::int64_t model_id, std::span<const StoredVector> vectors) {
  const std::vector<StoredVector> sorted = sorted_once_each(vectors);
  const PgCall calls[] = {{"vectors_begin", {}},
                          {"vectors_lock", {}},
                          {"vectors_insert",
                           {PgValue(model_id), PgValue::binary(hash_array(sorted)),
                            PgValue::binary(halfvec_array(sorted, halfvec_oid_))}},
                          {"vectors_commit", {}}};
  for (int tries = 1;; ++tries) {
    const auto stored = connection_->run_pipeline(calls);
    if (stored) return {};
    if (!try_again(*connection_, tries)) return stored.error();
  }
}

}  // namespace forkdex
