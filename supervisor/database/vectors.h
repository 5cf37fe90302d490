#pragma once

// The vectors of the whole database: which model made them, and collecting those that nothing
// needs.

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "common/pg/connection.h"

namespace forkdex {

/// The row of `model` in `models`, by its fingerprint, added where it is missing. ERRORS as
/// PgConnection::run.
Result<std::int64_t> model_id(PgConnection& connection, const ModelFolder& model);

/// The id of a model that is stored, or nothing. ERRORS as PgConnection::run.
Result<std::optional<std::int64_t>> stored_model_id(PgConnection& connection,
                                                    const ModelFolder& model);

/// How many vectors of the model are stored; counting stops at `limit`. ERRORS as
/// PgConnection::run.
Result<std::int64_t> vector_count(PgConnection& connection, std::int64_t model_id,
                                  std::int64_t limit);

/// Deletes the vectors that no chunk and no commit has referred to for `kept`, as far as earlier
/// calls have noticed, and returns how many; notes those that nothing refers to any more. Runs
/// beside writers: each short batch takes the vectors lock alone. Ends early when the connection's
/// wait limits allow no more. REQUIRES no open transaction. ERRORS as PgConnection::run.
Result<std::int64_t> collect_vectors(PgConnection& connection,
                                     std::chrono::days kept = std::chrono::days(0));

/// SQL that notes the texts of a repository for collect_removed_texts, in the transaction that
/// removes it, before it does. At most once a connection.
std::string note_removed_texts(std::int64_t repository_id);
/// collect_vectors without delay, of the texts that were noted: other repositories keep what they
/// may need again. REQUIRES what collect_vectors does. ERRORS as PgConnection::run.
Result<std::int64_t> collect_removed_texts(PgConnection& connection);

/// collect_vectors, unless some run did so within the last day and vectors are kept at all. Returns
/// nothing then.
Result<std::optional<std::int64_t>> collect_vectors_when_due(PgConnection& connection,
                                                             std::chrono::days kept);

}  // namespace forkdex
