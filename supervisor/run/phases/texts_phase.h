#pragma once

// The phase of a run that embeds: every text of the repository that has no vector, whether of this
// run's files, of an earlier run's or a commit message, goes to the workers
// (worker/jobs/embed_texts.h) with others of about its length. Texts of files that changed last
// leave first. One thread.
//
// Killed at any point, it leaves the vectors of finished jobs; the next run embeds the others.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/jobs/embed_texts.h"
#include "common/pg/connection.h"
#include "supervisor/database/ledger.h"
#include "supervisor/database/texts.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/phase.h"
#include "supervisor/run/text_jobs.h"

namespace forkdex {

class TextsPhase final : public Phase {
 public:
  struct Options {
    TextScope scope;
    bool embeds = true;  ///< false: texts are counted alone
    TextLimits limits;   ///< of this run
    TextJobSizes sizes;
  };

  /// REQUIRES that the references outlive this.
  TextsPhase(Ledger& ledger, PgConnection& connection, Accounting& accounting, Options options)
      : ledger_(ledger),
        connection_(connection),
        accounting_(accounting),
        options_(std::move(options)) {}

  std::string progress() const override { return planned_ && !settled_ ? "" : "texts"; }
  /// A job that did not succeed comes back text by text, so that one text costs one text. ERRORS as
  /// PgConnection::run, JobQueue::add.
  Result<JobQueue> next_jobs() override;
  bool embeds() const override { return true; }
  Result<void> finished(unsigned worker, const Job& job, const Outcome& outcome) override;
  /// Keeps the repository's row about as true as a person can see.
  Result<void> tick() override;
  void contribute(RunFacts& facts) const override;

 private:
  /// What became of the texts of chunks, or of messages.
  struct Counts {
    std::uint64_t listed = 0;  ///< that had no vector
    std::uint64_t embedded = 0;
    std::uint64_t settled = 0;  ///< somebody else embedded them, or they are gone
    std::uint64_t failed = 0;   ///< to be tried again by the next run
    std::uint64_t refused = 0;  ///< ended one worker after the other
    std::uint64_t left() const { return listed - embedded - settled - refused; }
  };
  struct Suspect {
    TextSource source;
    Sha256 hash;
    std::size_t tokens;
  };

  Result<JobQueue> plan();
  Result<void> lift_refusals();
  Result<JobQueue> list(const TextScope& scope);
  Result<JobQueue> retry_alone();
  Result<void> settle();
  Result<void> write_refusals();
  Result<std::optional<bool>> messages_done();
  Result<void> count();
  Result<TextCounts> counts_of_repository();
  std::uint64_t limit_behind(std::string_view reason) const;
  void note_failure(const EmbedTexts& texts, const Job& job, const Outcome& outcome);
  Counts& counts_of(TextSource source) {
    return source == TextSource::kMessage ? messages_ : chunks_;
  }
  bool is_whole() const { return !options_.scope.shard && !options_.scope.path_hashes; }
  std::uint64_t missing() const;

  Ledger& ledger_;
  PgConnection& connection_;
  Accounting& accounting_;
  Options options_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> noted_at_;
  double seconds_ = 0;
  bool planned_ = false;
  bool settled_ = false;
  bool changes_ = false;  // the repository's texts may be others than noted
  std::int64_t commit_batches_ = 0;
  std::uint64_t jobs_made_ = 0;
  // Of all texts in scope.
  std::optional<std::uint64_t> total_;
  std::optional<std::uint64_t> missing_;  // where nothing is embedded
  std::uint64_t refused_ = 0;
  std::uint64_t refused_of_chunks_ = 0;
  Counts chunks_;
  Counts messages_;
  std::uint64_t tokens_ = 0;
  std::vector<Suspect> suspects_;      // of jobs that did not succeed
  std::vector<TextRefusal> refusals_;  // not written yet
};

}  // namespace forkdex
