#include "supervisor/database/pooler.h"

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/pg/conninfo.h"

namespace forkdex {
namespace {

constexpr std::chrono::seconds kSilence{2};
/// A pooler may choose sessions at random.
constexpr int kRounds = 4;

/// The server process that serves a connection now; nothing where the pooler refuses to say it.
std::optional<std::string> process_of(PgConnection& connection) {
  const auto rows = connection.run("SELECT pg_catalog.pg_backend_pid()");
  if (!rows || rows->empty()) return std::nullopt;
  return std::string(rows->text(0, 0));
}

/// Whether the process changes under one connection of two, or serves both. Poolers give a
/// transaction the session that was returned last, or the one that was returned first: so both
/// connections take one each and return them in either order.
bool sessions_move(PgConnection& one, PgConnection& other) {
  const auto first = process_of(one);
  if (!first || process_of(one) != first) return true;
  // Silence means that a session is kept for `one`, and there is none left. Else there are no
  // transactions: each statement has a session of its own.
  if (!other.run("BEGIN")) return !other.fell_silent();
  const auto second = process_of(other);
  if (!second || *second == *first) return true;
  // Whoever has a session of its own is answered at once, whatever the other one holds.
  if (process_of(one) != first) return true;
  for (int round = 0; round < kRounds; ++round) {
    if (!one.run("BEGIN") || process_of(one) != first) return true;
    PgConnection& returns_first = round % 2 == 0 ? one : other;
    PgConnection& returns_last = round % 2 == 0 ? other : one;
    if (!returns_first.run("COMMIT") || !returns_last.run("COMMIT")) return true;
    if (!other.run("BEGIN") || process_of(other) != second || process_of(one) != first) return true;
  }
  return false;
}

}  // namespace

Result<void> refuse_shared_sessions(PgConnection& connection, const std::string& conninfo) {
  const auto rows = connection.run("SELECT pg_catalog.pg_backend_pid()");
  if (!rows) return rows.error();
  // A server says at the start which process serves us. A pooler says something of its own.
  if (rows->integer(0, 0) == connection.announced_process()) return {};
  // Where a session is kept for us alone, a second one may have to be waited for.
  auto other = PgConnection::open(conninfo, "forkdex pooler check", nullptr, {kSilence, {}});
  if (!other) return {};
  WaitLimits limits = connection.wait_limits();
  connection.set_wait_limits({kSilence, limits.keep_waiting});
  const bool moved = sessions_move(connection, *other);
  connection.set_wait_limits(std::move(limits));
  if (!moved) return {};
  return Error{ErrorCode::kDatabaseUnusable,
               fmt::format("{} is reached through a pooler that gives every transaction another "
                           "session (pool_mode transaction or statement), and forkdex needs one of "
                           "its own: give the URL of the server itself, or of a pool with "
                           "pool_mode = session",
                           describe_database(conninfo)),
               ""};
}

}  // namespace forkdex
