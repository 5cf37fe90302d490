#include "supervisor/database/repositories.h"

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "common/base/hash.h"
#include "common/base/path_text.h"
#include "common/pg/advisory_lock.h"
#include "supervisor/database/texts.h"
#include "supervisor/database/vectors.h"
#include "supervisor/installation/program_name.h"

namespace forkdex {
namespace {

constexpr std::chrono::milliseconds kBetweenClaims{200};

/// A timestamp as text, in a form that sorts and that programs read.
std::string iso(const char* column) {
  return fmt::format(
      "coalesce(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '')", column);
}

/// Whether the folder `stored_root` (as rows have it) can be ours as it was before it moved. A
/// folder of a work tree moves with it, and keeps its path there.
bool may_have_moved(const RepositoryIdentity& ours, std::string_view stored_root) {
  std::string top = escape_path(ours.root) + '/';
  const std::string folder = escape_path(ours.folder);
  top.resize(top.size() - folder.size());
  const std::string stored = std::string(stored_root) + '/';
  return !stored.starts_with(top) && (folder.empty() || stored.ends_with('/' + folder));
}

bool same_repository(const RepositoryIdentity& ours, const PgRows& stored) {
  if (stored.text(0, 1) == escape_path(ours.root)) return true;
  if (!may_have_moved(ours, stored.text(0, 1))) return false;
  const bool both_remotes = ours.remote && !stored.is_null(0, 2);
  if (both_remotes) return *ours.remote == stored.text(0, 2);
  return ours.root_commit && !stored.is_null(0, 3) && *ours.root_commit == stored.text(0, 3);
}

Error name_taken(const std::string& name, std::string_view root) {
  return {ErrorCode::kUsage, fmt::format("{} is already {}; give --repository NAME", name, root),
          ""};
}

Error no_such_repository(const std::string& name) {
  return {ErrorCode::kUsage,
          fmt::format("no repository is called {}: {} status lists them", name, program_name()),
          ""};
}

/// An advisory lock.
struct Lock {
  std::int32_t space;
  std::int32_t key;
};

Lock lock_of(const RepositoryClaim& claim) {
  if (!claim.shard) return {kRepositoryClaim, static_cast<std::int32_t>(claim.id)};
  const Sha256 hash = sha256(fmt::format("{} {}", claim.id, claim.shard->text()));
  std::int32_t key = 0;
  std::memcpy(&key, hash.data(), sizeof key);
  return {kShardClaim, key};
}

Result<bool> try_lock(PgConnection& connection, const char* function, const Lock& lock) {
  const auto taken =
      connection.run(fmt::format("SELECT {}({}, {})", function, lock.space, lock.key));
  if (!taken) return taken.error();
  return taken->text(0, 0) == "t";
}

/// Takes the locks of `claim`. Gives the one that another session holds, if one does.
Result<std::optional<Lock>> try_claim(PgConnection& connection, const RepositoryClaim& claim) {
  const Lock whole = lock_of({claim.id, claim.name});
  const auto first = try_lock(
      connection, claim.shard ? "pg_try_advisory_lock_shared" : "pg_try_advisory_lock", whole);
  if (!first) return first.error();
  if (!*first) return std::optional(whole);
  if (!claim.shard) return std::optional<Lock>();
  const auto second = try_lock(connection, "pg_try_advisory_lock", lock_of(claim));
  if (!second) return second.error();
  if (*second) return std::optional<Lock>();
  const auto undone = try_lock(connection, "pg_advisory_unlock_shared", whole);
  if (!undone) return undone.error();
  return std::optional(lock_of(claim));
}

/// Who holds the lock, for a person.
std::string holder(PgConnection& connection, const Lock& lock) {
  const auto rows = connection.run(
      fmt::format("SELECT a.application_name, a.pid, {}, coalesce(host(a.client_addr), '') "
                  "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                  "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {} "
                  "AND l.objid = {} AND l.objsubid = 2 "
                  "AND l.database = (SELECT oid FROM pg_database "
                  "WHERE datname = current_database())",
                  iso("a.backend_start"), lock.space, static_cast<std::uint32_t>(lock.key)));
  if (!rows || rows->empty()) return "another run";
  const std::string_view from = rows->text(0, 3);
  return fmt::format("{} (database process {}{}{}, since {})", rows->text(0, 0), rows->text(0, 1),
                     from.empty() ? "" : ", from ", from, rows->text(0, 2));
}

std::vector<std::pair<std::string, std::int64_t>> read_counts(std::string_view text) {
  // "failed=1 indexed=250": names of states hold neither '=' nor ' '.
  std::vector<std::pair<std::string, std::int64_t>> counts;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), entry.size() + 1));
    const std::size_t equals = entry.find('=');
    counts.emplace_back(entry.substr(0, equals), std::stoll(std::string(entry.substr(equals + 1))));
  }
  return counts;
}

}  // namespace

Result<std::int64_t> find_or_add_repository(PgConnection& connection,
                                            const RepositoryIdentity& identity) {
  for (;;) {
    const auto stored = connection.run(
        "SELECT id, root, remote, root_commit FROM forkdex.repositories WHERE name = $1",
        {identity.name});
    if (!stored) return stored.error();
    if (!stored->empty()) {
      if (!same_repository(identity, *stored)) return name_taken(identity.name, stored->text(0, 1));
      return stored->integer(0, 0);
    }
    const auto added = connection.run(
        "INSERT INTO forkdex.repositories (name, root, remote, root_commit, root_commit_head) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING RETURNING id",
        {identity.name, escape_path(identity.root), identity.remote, identity.root_commit,
         identity.root_commit_head});
    if (!added) return added.error();
    if (!added->empty()) return added->integer(0, 0);
    // Another run added it just now: look at what it wrote.
  }
}

Result<std::optional<RootCommit>> stored_root_commit(PgConnection& connection,
                                                     const std::string& name) {
  const auto rows = connection.run(
      "SELECT root_commit, root_commit_head FROM forkdex.repositories "
      "WHERE name = $1 AND root_commit IS NOT NULL AND root_commit_head IS NOT NULL",
      {name});
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<RootCommit>();
  return std::optional(RootCommit{std::string(rows->text(0, 0)), std::string(rows->text(0, 1))});
}

Result<void> claim_repository(PgConnection& connection, const RepositoryClaim& claim,
                              const std::function<bool()>& keep_waiting,
                              const std::function<void(const std::string& what)>& waits) {
  const auto in_use = [&](const Lock& lock) {
    return fmt::format("{}repository {} is in use by {}",
                       claim.shard ? fmt::format("shard {} of ", claim.shard->text()) : "",
                       claim.name, holder(connection, lock));
  };
  for (bool told = false;; told = true) {
    const auto held = try_claim(connection, claim);
    if (!held) return held.error();
    if (!*held) return {};
    if (!keep_waiting || !keep_waiting())
      return Error{ErrorCode::kClaimHeld,
                   in_use(**held) + ": run again when it is done, or give --wait", ""};
    if (!told && waits) waits(in_use(**held));
    std::this_thread::sleep_for(kBetweenClaims);
  }
}

Result<void> release_repository(PgConnection& connection, const RepositoryClaim& claim) {
  const Lock whole = lock_of({claim.id, claim.name});
  if (!claim.shard) {
    const auto released = try_lock(connection, "pg_advisory_unlock", whole);
    return released ? Result<void>() : released.error();
  }
  auto released = try_lock(connection, "pg_advisory_unlock", lock_of(claim));
  if (released) released = try_lock(connection, "pg_advisory_unlock_shared", whole);
  return released ? Result<void>() : released.error();
}

Result<std::string> update_repository(PgConnection& connection, std::int64_t id,
                                      const RepositoryIdentity& identity) {
  const auto stored =
      connection.run("SELECT root FROM forkdex.repositories WHERE id = $1", {std::to_string(id)});
  if (!stored) return stored.error();
  const std::string before(stored->empty() ? "" : stored->text(0, 0));
  const auto updated = connection.run(
      "UPDATE forkdex.repositories SET root = $2, remote = $3, root_commit = $4, "
      "root_commit_head = $5 WHERE id = $1 "
      "AND (root, remote, root_commit, root_commit_head) IS DISTINCT FROM ($2, $3, $4, $5)",
      {std::to_string(id), escape_path(identity.root), identity.remote, identity.root_commit,
       identity.root_commit_head});
  if (!updated) return updated.error();
  return before == escape_path(identity.root) ? std::string() : before;
}

Result<std::vector<RepositoryStatus>> list_repositories(PgConnection& connection,
                                                        const std::string& name) {
  const auto rows = connection.run(
      fmt::format(
          "SELECT r.id, r.name, r.root, coalesce(r.remote, ''), coalesce(r.head, ''), {}, "
          "coalesce(f.chunks, 0), coalesce(f.states, ''), coalesce(l.status, ''), {}, {}, "
          "coalesce(l.report::text, ''), r.texts_total, r.texts_missing, "
          "coalesce(l.code_model, 0), coalesce(l.text_model, 0) "
          "FROM forkdex.repositories r "
          "LEFT JOIN LATERAL (SELECT sum(n.chunks) AS chunks, "
          "  string_agg(n.state || '=' || n.files, ' ' ORDER BY n.state) AS states "
          "  FROM (SELECT state, count(*) AS files, sum(chunk_count) AS chunks "
          "        FROM forkdex.files WHERE repository_id = r.id GROUP BY state) n) f ON true "
          "LEFT JOIN LATERAL (SELECT * FROM forkdex.runs WHERE repository_id = r.id "
          "  ORDER BY id DESC LIMIT 1) l ON true "
          "WHERE $1 = '' OR r.name = $1 ORDER BY r.name",
          iso("r.indexed_at"), iso("l.started_at"), iso("l.finished_at")),
      {name});
  if (!rows) return rows.error();
  std::vector<RepositoryStatus> all;
  for (int row = 0; row < rows->size(); ++row) {
    const auto text = [&](int column) { return std::string(rows->text(row, column)); };
    all.push_back({rows->integer(row, 0),
                   text(1),
                   text(2),
                   text(3),
                   text(4),
                   text(5),
                   rows->integer(row, 6),
                   read_counts(rows->text(row, 7)),
                   text(8),
                   text(9),
                   text(10),
                   text(11),
                   {},
                   {rows->integer(row, 14), rows->integer(row, 15)}});
    if (!rows->is_null(row, 12) && !rows->is_null(row, 13))
      all.back().texts = TextCounts{static_cast<std::uint64_t>(rows->integer(row, 12)),
                                    static_cast<std::uint64_t>(rows->integer(row, 13)), 0};
  }
  if (all.empty() && !name.empty()) return no_such_repository(name);
  return all;
}

Result<std::int64_t> repository_id(PgConnection& connection, const std::string& name) {
  const auto rows = connection.run("SELECT id FROM forkdex.repositories WHERE name = $1", {name});
  if (!rows) return rows.error();
  if (rows->empty()) return no_such_repository(name);
  return rows->integer(0, 0);
}

Result<std::string> repository_root(PgConnection& connection, const std::string& name) {
  const auto rows = connection.run("SELECT root FROM forkdex.repositories WHERE name = $1", {name});
  if (!rows) return rows.error();
  if (rows->empty()) return no_such_repository(name);
  return unescape_path(rows->text(0, 0)).value_or("");
}

Result<void> list_refusals(PgConnection& connection, const std::string& name, bool skipped_too,
                           const std::function<void(const Refusal&)>& visit) {
  const auto id = repository_id(connection, name);
  if (!id) return id.error();
  const auto rows = connection.run(
      fmt::format("SELECT path, state, reason, detail, attempts FROM ("
                  "SELECT path, state, coalesce(reason, '') AS reason, "
                  " coalesce(detail, '') AS detail, attempts "
                  "FROM forkdex.files WHERE repository_id = $1 AND state IN ('failed', "
                  "'quarantined'{}) UNION ALL SELECT path, 'indexed', reason, detail, attempts "
                  "FROM ({}) t) problems ORDER BY state, path COLLATE \"C\"",
                  skipped_too ? ", 'skipped'" : "",
                  refused_chunks(*id,
                                 "ARRAY(SELECT unnest(ARRAY[l.code_model, l.text_model]) FROM "
                                 "(SELECT * FROM forkdex.runs WHERE repository_id = $1 "
                                 " ORDER BY id DESC LIMIT 1) l)")),
      {std::to_string(*id)});
  if (!rows) return rows.error();
  for (int row = 0; row < rows->size(); ++row)
    visit({std::string(rows->text(row, 0)), std::string(rows->text(row, 1)),
           std::string(rows->text(row, 2)), std::string(rows->text(row, 3)),
           rows->integer(row, 4)});
  return {};
}

Result<void> remove_repository(PgConnection& connection, const std::string& name) {
  const auto id = repository_id(connection, name);
  if (!id) return id.error();
  if (const auto claimed = claim_repository(connection, {*id, name}); !claimed) return claimed;
  const auto removed = connection.run(
      fmt::format("BEGIN; {1}"
                  "DELETE FROM forkdex.chunks WHERE repository_id = {0};"
                  "DELETE FROM forkdex.files WHERE repository_id = {0};"
                  "DELETE FROM forkdex.commits WHERE repository_id = {0};"
                  "DELETE FROM forkdex.refused_texts t USING pg_temp.removed_texts r "
                  "WHERE r.content_hash = t.content_hash AND NOT EXISTS (SELECT FROM "
                  "forkdex.commits k WHERE k.content_hash = t.content_hash) AND NOT "
                  "EXISTS (SELECT FROM forkdex.chunks c WHERE c.content_hash = "
                  "t.content_hash) AND NOT EXISTS (SELECT FROM forkdex.chunks c "
                  "WHERE c.text_hash = t.content_hash);"
                  "DELETE FROM forkdex.repositories WHERE id = {0}; COMMIT",
                  *id, note_removed_texts(*id)));
  if (!removed) {
    const Error& error = removed.error();
    if (connection.alive()) [[maybe_unused]]
      const auto undone = connection.run("ROLLBACK");
    return error;
  }
  if (const auto released = release_repository(connection, {*id, name}); !released) return released;
  const auto collected = collect_removed_texts(connection);
  return collected ? Result<void>() : collected.error();
}

}  // namespace forkdex
