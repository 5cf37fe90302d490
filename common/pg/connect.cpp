// How a PgConnection is opened.

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/pg/connection.h"
#include "common/pg/conninfo.h"
#include "common/pg/message.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

/// Drives a connection begun by PQconnectStartParams. libpq's blocking call would do the same but
/// could not be told to report the SQLSTATE of a refusal.
bool finish_connecting(PGconn* connection, std::chrono::milliseconds timeout,
                       const WaitLimits& limits) {
  const Clock::time_point deadline = Clock::now() + timeout;
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    pollfd waiting{PQsocket(connection), POLLIN, 0};
    if (wanted == PGRES_POLLING_WRITING) waiting.events = POLLOUT;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !limits.allows_waiting()) return false;
    const auto slice = limits.keep_waiting ? std::min(left, WaitLimits::kBetweenQuestions) : left;
    const int ready = ::poll(&waiting, 1, static_cast<int>(slice.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0) wanted = PQconnectPoll(connection);
  }
  return wanted == PGRES_POLLING_OK;
}

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

/// Finds "FATAL:  53300: " in a verbose message; the severity is in the server's language.
std::string sqlstate_of_refusal(std::string_view message) {
  for (std::size_t at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const std::string_view rest = message.substr(at + 3);
    if (rest.size() > 6 && rest[5] == ':' && is_sqlstate(rest.substr(0, 5)))
      return std::string(rest.substr(0, 5));
  }
  return {};
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

Result<PgConnection> PgConnection::open(const std::string& conninfo,
                                        const std::string& application_name, std::string* sqlstate,
                                        WaitLimits limits) {
  if (sqlstate) sqlstate->clear();
  const auto options = Conninfo::parse(conninfo);
  if (!options)
    return Error{ErrorCode::kDatabaseUnreachable,
                 "the database URL cannot be read: give postgresql://USER@HOST/DATABASE", ""};
  // What stands before dbname is a default; what stands after it overrides.
  const char* const keywords[] = {"keepalives_idle",
                                  "keepalives_interval",
                                  "tcp_user_timeout",
                                  "dbname",
                                  "application_name",
                                  "client_encoding",
                                  nullptr};
  const char* const values[] = {"30",   "10",   "60000", conninfo.c_str(), application_name.c_str(),
                                "UTF8", nullptr};
  PgConnection opened(PQconnectStartParams(keywords, values, 1));
  PGconn* connection = opened.connection_.get();
  if (!connection) return Error{ErrorCode::kOutOfMemory, "no memory for a connection", ""};
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection, ignore_notice, nullptr);
  std::chrono::milliseconds timeout = options->connect_timeout();
  if (limits.silence) timeout = std::min(timeout, *limits.silence);
  if (PQstatus(connection) != CONNECTION_BAD && finish_connecting(connection, timeout, limits)) {
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    // libpq then leaves all waiting to us (await).
    PQsetnonblocking(connection, 1);
    opened.set_wait_limits(std::move(limits));
    return opened;
  }
  const std::string message = first_line(PQerrorMessage(connection));
  const std::string refusal = sqlstate_of_refusal(message);
  if (sqlstate) *sqlstate = refusal;
  if (refusal == "53300")
    return Error{ErrorCode::kTooManyConnections,
                 "the database has no connection left (too many clients): lower --workers or raise "
                 "max_connections",
                 describe_database(conninfo)};
  return Error{ErrorCode::kDatabaseUnreachable,
               fmt::format("the database cannot be reached: {}", describe_database(conninfo)),
               message.empty() || message.ends_with("failed: ")
                   ? fmt::format("no answer within {} s", to_seconds(timeout))
                   : message};
}

}  // namespace forkdex
