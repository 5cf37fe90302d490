#pragma once

// The books of one run over one repository, on the supervisor's own connection: the claim, what
// was known before, what the run decided without a worker, and the row of the run itself. Workers
// write the rows of files they index. One thread.
//
// Killed, the claim ends with the connection and the run's row stays `running` until the next run
// over the repository marks it `interrupted`.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/error/result.h"
#include "common/model/view_models.h"
#include "common/pg/connection.h"
#include "supervisor/database/file_rows.h"
#include "supervisor/database/known_files.h"
#include "supervisor/database/repositories.h"
#include "supervisor/database/texts.h"

namespace forkdex {

/// What part of the repository a run sees to.
struct RunPart {
  std::optional<Shard> shard = std::nullopt;
  bool listed = false;  ///< the files of a list
};

/// How far a repository's texts are embedded by the models of a run.
struct KnownTexts {
  bool chunks_done = false;    ///< every text of a chunk has its vector, or was refused
  bool messages_done = false;  ///< and so has every commit message
  /// Where the chunks were done before this run stored any: the largest id then. 0 otherwise.
  std::int64_t done_up_to_chunk = 0;
  std::optional<TextCounts> counts;  ///< as the last run left them; refused ones are not counted
  std::int64_t commit_batches = 0;   ///< as CommitRows counts them
};

/// How a run ended, for its row.
struct RunEnd {
  std::string status;
  std::string report;               ///< JSON
  std::optional<std::string> head;  ///< hex
  bool files_done = false;          ///< every file has its state
};

/// What a run does when another one has its repository.
struct Waiting {
  std::function<bool()> keep_waiting = {};  ///< see claim_repository; empty never waits
  std::function<void(const std::string& what)> begins = {};  ///< see claim_repository
  /// What the repository is after the wait, in which anything may have become of it.
  std::function<Result<RepositoryIdentity>()> look_again = {};
};

class Ledger {
 public:
  /// Finds or adds the repository and the models, claims the repository or its shard and begins a
  /// run. REQUIRES that `connection` outlives the
  /// ledger. ERRORS kUsage, kClaimHeld, those of `waiting`.look_again, as PgConnection::run.
  static Result<Ledger> open(PgConnection& connection, RepositoryIdentity identity,
                             const ViewModels& models, const RunPart& part = {},
                             const Waiting& waiting = {});

  std::int64_t repository_id() const { return claim_.id; }
  const std::string& repository_name() const { return claim_.name; }
  /// What the run has to itself as long as its connection lives.
  const RepositoryClaim& claim() const { return claim_; }
  /// Where the repository stood before this run (escape_path), empty unless it has moved.
  const std::string& moved_from() const { return moved_from_; }
  /// 0 where the view is off.
  const PerView<std::int64_t>& model_ids() const { return model_ids_; }
  /// Of the model that embeds commit messages.
  std::int64_t message_model_id() const { return message_model_id_; }
  std::int64_t run_id() const { return run_id_; }

  /// Goes on over a connection that has replaced a lost one and holds the claim again. What was
  /// noted and not written is still here. ERRORS kClaimHeld when another run has had the repository
  /// in between; as PgConnection::run.
  Result<void> resume();

  /// What is known of the repository's files, in byte order of their paths.
  Result<KnownFiles> known_files();

  /// Notes a file that has no chunks stored by a worker in this run; written with the next flush.
  /// BLOCKS on a write when a batch is full. ERRORS as PgConnection::run.
  Result<void> record(FileRecord record);
  /// Writes what was noted. ERRORS as PgConnection::run.
  Result<void> flush();
  /// As flush, when the oldest note has waited for a second.
  Result<void> flush_when_due();

  /// Calls `problem` for every file that is not searchable because it failed in this run, or is
  /// quarantined or unreadable still, in byte order of the paths as stored, then for every refused
  /// text of a chunk: with its path and with what the report says of it, as JSON. REQUIRES that
  /// what was noted has been flushed. `problem` must not use the connection. ERRORS as
  /// PgConnection::run.
  Result<void> for_each_problem(
      const std::function<void(std::string_view path, std::string_view json)>& problem);

  /// What is known of the texts now. ERRORS as PgConnection::run.
  Result<KnownTexts> known_texts();
  /// Notes, before the first chunk is stored, that texts may be without a vector. ERRORS as
  /// PgConnection::run.
  Result<void> begin_chunks();
  /// What is so of all chunks' texts, or of all messages: they have their vectors, or were refused;
  /// nothing leaves what is noted of them.
  struct TextsDone {
    std::optional<bool> chunks = std::nullopt;
    std::optional<bool> messages = std::nullopt;
    /// KnownTexts::commit_batches when that was looked at. Where others have written since, it is
    /// not noted that messages are done.
    std::int64_t commit_batches = 0;
  };
  /// Notes how many texts there are now, nothing where that is not known, and what is done. ERRORS
  /// as PgConnection::run.
  Result<void> note_texts(const std::optional<TextCounts>& counts, const TextsDone& done);

  /// Deletes vectors that nothing has needed for so long (collect_vectors_when_due).
  Result<std::optional<std::int64_t>> collect_vectors(std::chrono::days kept);

  /// Ends the run: `end.status` is "complete", "partial" or "interrupted". The repository's head
  /// and time of indexing move only where every file of it has its state, or with the last of its
  /// shards: when the last run over each has seen to its files at this head. ERRORS as
  /// PgConnection::run.
  Result<void> finish_run(const RunEnd& end);

 private:
  Ledger(PgConnection& connection, RepositoryClaim claim, bool listed)
      : connection_(&connection),
        claim_(std::move(claim)),
        listed_(listed),
        rows_(connection, claim_.id) {}
  Result<void> begin_run();
  Result<void> forget_other_models();
  Result<void> move_head(const RunEnd& end);

  PgConnection* connection_;
  RepositoryClaim claim_;
  bool listed_;
  std::string moved_from_;
  std::optional<KnownTexts> before_;  // chunks were stored
  PerView<std::int64_t> model_ids_;
  std::int64_t message_model_id_ = 0;
  std::int64_t run_id_ = 0;
  FileRows rows_;
  std::chrono::steady_clock::time_point oldest_{};
};

}  // namespace forkdex
