#pragma once

// The texts of a repository that models embed: the sources and text views of its chunks, and its
// commit messages. Which of them have no vector, which no model can embed, and how many there are.

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hash.h"
#include "common/base/shard.h"
#include "common/error/result.h"
#include "common/jobs/embed_texts.h"
#include "common/model/view.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Which texts are looked at, and for which models.
struct TextScope {
  std::int64_t repository_id = 0;
  PerView<std::int64_t> model_ids = {};  ///< 0: the texts of that view are not looked at
  std::int64_t message_model_id = 0;     ///< 0: commit messages are not looked at
  /// Only the chunks of this shard's files, and the messages whose hashes are in it.
  std::optional<Shard> shard = std::nullopt;
  /// Only the chunks of the files with these SHA-256 of their paths.
  std::optional<std::vector<Sha256>> path_hashes = std::nullopt;
  std::int64_t after_chunk = 0;  ///< only chunks with larger ids

  std::int64_t model_id(TextSource source) const;
  /// The distinct ones that are looked at.
  std::set<std::int64_t> models() const;
};

struct MissingText {
  TextSource source = TextSource::kCode;
  Sha256 hash{};
  std::uint64_t bytes = 0;
};

/// Calls `visit` for each text in `scope` that has no vector and was not refused, once a source:
/// those of chunks before messages, those of files that changed last first. `visit` must not use
/// the connection. ERRORS as PgConnection::run.
Result<void> for_each_missing_text(PgConnection& connection, const TextScope& scope,
                                   const std::function<void(const MissingText&)>& visit);

/// Distinct texts, counted once a source.
struct TextCounts {
  std::uint64_t total = 0;
  std::uint64_t missing = 0;  ///< have no vector and were not refused
  std::uint64_t refused = 0;
};
/// ERRORS of all that count: as PgConnection::run.
Result<std::uint64_t> count_all_texts(PgConnection& connection, const TextScope& scope);
Result<std::uint64_t> count_missing_texts(PgConnection& connection, const TextScope& scope);
Result<std::uint64_t> count_refused_texts(PgConnection& connection, const TextScope& scope);
Result<TextCounts> count_texts(PgConnection& connection, const TextScope& scope);

/// How many texts the repository called `repository` has, or all of them together where it is
/// empty, and how many of them have no vector, as runs have noted it; nothing where one is among
/// its files. ERRORS as PgConnection::run.
Result<std::optional<TextCounts>> noted_texts(PgConnection& connection,
                                              const std::string& repository);

/// What ended every worker that was to embed a text.
struct TextRefusal {
  TextSource source = TextSource::kCode;
  Sha256 hash{};
  std::string reason;
  std::string detail;
  std::uint64_t limit = 0;  ///< that it met, as FileRecord::refused_limit; 0 where none was
  std::uint32_t attempts = 0;
};
/// Notes `refusal`. ERRORS as PgConnection::run.
Result<void> refuse_text(PgConnection& connection, std::int64_t model_id,
                         const TextRefusal& refusal);

/// SQL of rows (path, reason, detail, attempts): the chunks of a repository whose text was refused
/// by one of the models with an id in `model_ids`, an expression of SQL that gives an array.
std::string refused_chunks(std::int64_t repository_id, std::string_view model_ids);

/// Under which a text was refused may have been lower than these: it is worth another try then.
struct TextLimits {
  bool lift_all = false;
  std::uint64_t seconds = 0;
  std::uint64_t memory_bytes = 0;
};
/// Forgets the refusals of the texts in `scope` that `limits` lift, so that they are missing again,
/// which every repository that has them learns in the same transaction. ERRORS as
/// PgConnection::run.
Result<void> forget_refused_texts(PgConnection& connection, const TextScope& scope,
                                  const TextLimits& limits);

}  // namespace forkdex
