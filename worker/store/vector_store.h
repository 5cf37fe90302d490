#pragma once

// Texts of rows, and their vectors. Vectors are keyed by model and content, never updated, and
// shared by all repositories of a database; nothing is stored twice.
//
// One thread at a time; the connection is its owner's.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/jobs/embed_texts.h"
#include "common/pg/connection.h"
#include "worker/store/binary_array.h"

namespace forkdex {

class VectorStore {
 public:
  /// Prepares its statements. REQUIRES that `connection` outlives this. ERRORS as
  /// PgConnection::run.
  static Result<VectorStore> open(PgConnection& connection);

  /// For each hash, whether a vector of `model_id` is stored for it now. ERRORS kDatabaseLost,
  /// kDatabaseUnusable.
  Result<std::vector<bool>> known(std::int64_t model_id, std::span<const Sha256> hashes);

  /// Texts and their hashes, row by row.
  struct Texts {
    std::vector<Sha256> hashes;
    std::vector<std::string> texts;
  };
  /// The texts that stand in `source` with these hashes, in this order, without those that no row
  /// has any more. No more than kMostLetters of each. ERRORS kDatabaseLost, kDatabaseUnusable.
  Result<Texts> texts(TextSource source, std::span<const Sha256> hashes);
  /// More than a chunk has but for what is mostly blank, and bounds what a worker holds.
  static constexpr int kMostLetters = 65'536;

  /// Stores `vectors`, as far as they are not there, and commits. What may pass (a deadlock, a
  /// serialization failure) is tried again inside. BLOCKS on the commit reaching disk. ERRORS
  /// kRowRefused, kDatabaseBusy, kDiskFull, kDatabaseLost, kDatabaseUnusable.
  Result<void> store(std::int64_t model_id, std::span<const StoredVector> vectors);

 private:
  explicit VectorStore(PgConnection& connection) : connection_(&connection) {}
  Result<void> prepare();

  PgConnection* connection_;
  std::uint32_t halfvec_oid_ = 0;
};

}  // namespace forkdex
