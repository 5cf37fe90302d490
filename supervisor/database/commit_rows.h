#pragma once

// The rows of `commits`, and what the other tables hold of a history: files.last_commit and how far
// a repository's history was walked. On the supervisor's connection, under the claim. One thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hash.h"
#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/repository/commit.h"

namespace forkdex {

/// How far a repository's history was walked.
struct WalkedHistory {
  std::optional<std::string> head;  ///< nothing: never, or there was none
  std::string scope;                ///< History::scope() then
  bool all_paths_known = false;     ///< every row of `files` has the last commit as of `head`
  bool any_commits = false;         ///< are stored
  bool unsettled = false;           ///< some of them may be out of reach of `head`
  std::int64_t batches = 0;         ///< of commits, that were written until then
};

class CommitRows {
 public:
  /// REQUIRES that `connection` outlives this.
  CommitRows(PgConnection& connection, std::int64_t repository_id)
      : connection_(&connection), repository_id_(repository_id) {}

  /// ERRORS of all that follows: as PgConnection::run.
  /// A walk begins with it.
  Result<WalkedHistory> walked();
  /// Calls `visit` for the repository's paths, only those whose last commit is not known where
  /// `unknown_only`. It must not use the connection.
  Result<void> for_each_path(bool unknown_only,
                             const std::function<void(const Sha256&, bool is_known)>& visit);
  /// The stored commits, in order.
  Result<std::vector<ObjectId>> stored();

  /// Notes a commit, and writes it with the next batch: a row that is there is brought up to date.
  Result<void> add(Commit&& commit);
  /// Writes what was noted.
  Result<void> flush();
  /// Rows that were written, or changed.
  std::uint64_t written() const { return written_; }

  /// What a walk that came to its end has found.
  struct Walk {
    std::string head;
    std::string scope;
    /// Gives the first path from number `at` on whose last commit may have changed, and moves `at`
    /// after it; nothing after the last one. A transaction that is tried again begins at 0.
    std::function<std::optional<LastCommit>(std::uint32_t& at)> next_last_commit;
    std::vector<ObjectId> gone;  ///< commits that no longer belong to the history
  };
  /// Stores everything that becomes true with `walk`, in one transaction. False, and nothing
  /// changed, when another run has walked since `before`. Where another run has written commits
  /// since, whose walk may never end, they stay unsettled for the next walk to look at. REQUIRES
  /// that `before` is what walked() gave last.
  Result<bool> settle(const WalkedHistory& before, const Walk& walk);
  /// The repository has no history (any more).
  Result<void> clear();

 private:
  Result<void> write_batch(std::uint64_t& written);
  Result<void> write_last_commits(const Walk& walk);
  Result<void> write_last_commits(const std::vector<LastCommit>& batch);
  Result<void> remove(const std::vector<ObjectId>& gone);
  template <class F>
  Result<void> in_transaction(F statements);

  PgConnection* connection_;
  std::int64_t repository_id_;
  std::vector<Commit> batch_;
  std::size_t batch_bytes_ = 0;
  std::uint64_t written_ = 0;
  std::int64_t own_batches_ = 0;  // written since walked()
};

}  // namespace forkdex
