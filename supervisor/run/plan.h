#pragma once

// What to do with each file: the listing merged with what the database knows. Both come in byte
// order of the path, one element at a time. No file of the repository is
// opened, no statement sent; jobs go to a JobQueue.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/jobs/index_file.h"
#include "supervisor/database/known_file.h"
#include "supervisor/repository/listing.h"
#include "supervisor/run/file_job.h"
#include "supervisor/run/job_queue.h"

namespace forkdex {

struct PlanRules {
  std::string recipe;
  bool full = false;          ///< nothing counts as unchanged
  bool retry_failed = false;  ///< what is quarantined is tried again
  std::uint64_t max_file_bytes = 0;
  std::uint64_t file_timeout_seconds = 0;
  std::uint64_t memory_per_worker_bytes = 0;
  bool memory_is_chosen = false;       ///< by us, from what the machine has available at the moment
  std::vector<std::string> include;    ///< globs; empty admits every path
  std::vector<std::string> exclude;    ///< globs
  std::vector<std::string> languages;  ///< language ids; empty admits every language
  std::int64_t listed_at_ns = 0;       ///< wall clock before the listing began
  /// Whether a path is this run's business; empty admits every path. Others are left as they are.
  std::function<bool(std::string_view)> in_scope;
};

/// A file whose state needs no worker.
struct Decided {
  std::string path;
  Verdict verdict;
  FileFacts facts;           ///< the blob's id is that of exactly the bytes that the row describes
  std::uint32_t chunks = 0;  ///< rows an unchanged file has
  bool row_is_current = false;  ///< the database already says so
  bool row_stands = false;      ///< the row keeps its result and takes the new signature
};

class Planner {
 public:
  using NextKnown = std::function<Result<std::optional<KnownFile>>()>;

  /// `decided` is called for every file that needs no job, in byte order of the path.
  Planner(PlanRules rules, NextKnown next_known, std::function<void(Decided&&)> decided)
      : rules_(std::move(rules)),
        next_known_(std::move(next_known)),
        decided_(std::move(decided)) {}

  /// Takes the next listed file. REQUIRES ascending byte order. ERRORS those of `next_known`,
  /// JobQueue::add.
  Result<void> take(ListedFile&& file);
  /// Ends the listing: what is known and was not listed is `removed`. Gives the jobs. ERRORS as
  /// take.
  Result<JobQueue> finish();

 private:
  Result<void> advance();
  Result<void> remove_until(const std::string* path);
  std::optional<Decided> refusal(const ListedFile& file, std::string_view language) const;
  std::string_view language_without_opening(const ListedFile& file, const StatSignature& signature,
                                            const KnownFile* known) const;
  bool admits(std::string_view language) const;
  bool unchanged(const ListedFile& file, const StatSignature& signature,
                 const KnownFile& known) const;
  bool stays_quarantined(const KnownFile& known) const;
  bool in_scope(const std::string& path) const { return !rules_.in_scope || rules_.in_scope(path); }
  void compare_later(IndexFile& file, FileMemo& memo, const KnownFile& known) const;
  Result<void> plan(ListedFile&& file, const KnownFile* known);

  PlanRules rules_;
  NextKnown next_known_;
  std::function<void(Decided&&)> decided_;
  std::optional<KnownFile> known_;
  bool started_ = false;
  std::string unreadable_folder_;  // the last one listed, with its '/'
  JobQueue jobs_;
};

}  // namespace forkdex
