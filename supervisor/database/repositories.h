#pragma once

// The rows of `repositories`: naming, claiming, listing and deleting one. Free functions over the
// caller's connection, because commands use them one at a time.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/shard.h"
#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/texts.h"
#include "supervisor/repository/commit.h"

namespace forkdex {

/// What a repository is known by.
struct RepositoryIdentity {
  std::string name;
  std::string root;                        ///< absolute, raw bytes
  std::optional<std::string> remote;       ///< without userinfo
  std::optional<std::string> root_commit;  ///< hex
  std::string folder{};  ///< the root in its work tree, ending with '/'; empty for its top
  std::optional<std::string> root_commit_head{};  ///< hex: the head that root_commit was found from
};

/// Finds the row of `identity.name`, or adds it. A name stored with another root is the same
/// repository, moved, only when the remote (or, where one has none, the root commit) is equal and
/// it may be the same folder of it: not another one of this work tree, nor in another work tree a
/// path that ends otherwise. Changes nothing of a row that exists. ERRORS kUsage ("NAME is already
/// ROOT …"), as PgConnection::run.
Result<std::int64_t> find_or_add_repository(PgConnection& connection,
                                            const RepositoryIdentity& identity);

/// What is stored of the root commit of the repository called `name`, if there is one. ERRORS as
/// PgConnection::run.
Result<std::optional<RootCommit>> stored_root_commit(PgConnection& connection,
                                                     const std::string& name);

/// What a run has to itself.
struct RepositoryClaim {
  std::int64_t id = 0;
  std::string name;
  /// With one, runs over other shards may go on beside; without, nobody else has the repository.
  std::optional<Shard> shard = std::nullopt;
};

/// Takes `claim` for the life of the connection; a dead holder's claim ends with its own. While
/// another holds it, asks `keep_waiting` a few times a second and tries again as long as that says
/// true; empty never waits. `waits` is told once what it waits for, and who has it, for a person.
/// ERRORS kClaimHeld, naming the holder; as PgConnection::run.
Result<void> claim_repository(PgConnection& connection, const RepositoryClaim& claim,
                              const std::function<bool()>& keep_waiting = {},
                              const std::function<void(const std::string& what)>& waits = {});
/// Ends the claim before the connection does.
Result<void> release_repository(PgConnection& connection, const RepositoryClaim& claim);

/// Writes root, remote and root commit. Returns the root that was stored before (escape_path) where
/// the repository has moved, else "". REQUIRES the claim.
Result<std::string> update_repository(PgConnection& connection, std::int64_t id,
                                      const RepositoryIdentity& identity);

/// A repository as `status` shows it. Times are ISO 8601 in UTC, empty for never.
struct RepositoryStatus {
  std::int64_t id = 0;
  std::string name;
  std::string root;  ///< as stored: escape_path
  std::string remote;
  std::string head;
  std::string indexed_at;
  std::int64_t chunks = 0;
  std::vector<std::pair<std::string, std::int64_t>> files;  ///< by state, ascending
  std::string run_status;  ///< of the last run: "running", "complete", …; empty without one
  std::string run_started_at;
  std::string run_finished_at;
  std::string run_report;             ///< JSON, or empty
  std::optional<TextCounts> texts{};  ///< as runs have noted them, without refused ones
  PerView<std::int64_t> model_ids{};  ///< of the last run
};

/// All repositories by name; only `name` where it is not empty. ERRORS as PgConnection::run.
Result<std::vector<RepositoryStatus>> list_repositories(PgConnection& connection,
                                                        const std::string& name = "");

/// The id of the repository called `name`. ERRORS kUsage when there is none.
Result<std::int64_t> repository_id(PgConnection& connection, const std::string& name);

/// The root of the repository called `name`, raw bytes. ERRORS kUsage when there is none.
Result<std::string> repository_root(PgConnection& connection, const std::string& name);

/// A file that is not searchable, or a text of one that has no vector, and why.
struct Refusal {
  std::string path;  ///< as stored: escape_path
  std::string state;
  std::string reason;
  std::string detail;
  std::int64_t attempts = 0;
};

/// Calls `visit` for every file of the repository that is failed or quarantined, and, with
/// `skipped_too`, skipped, and for every refused text of its chunks, in order of state and path.
/// ERRORS kUsage, as PgConnection::run.
Result<void> list_refusals(PgConnection& connection, const std::string& name, bool skipped_too,
                           const std::function<void(const Refusal&)>& visit);

/// Deletes the repository's rows in one transaction, then the vectors that only they needed. May be
/// called once a connection. ERRORS kUsage (no such name), kClaimHeld, as PgConnection::run. CRASH
/// leaves all of its rows or none; vectors left over go with the next collection.
Result<void> remove_repository(PgConnection& connection, const std::string& name);

}  // namespace forkdex
