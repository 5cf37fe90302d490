#include "common/pg/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/pg/message.h"
#include "common/pg/sqlstate.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kCopyPieceBytes = 1 << 20;  // PQputCopyData takes an int and copies
constexpr std::chrono::seconds kAfterCancelling{2};

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

}  // namespace

void PgConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }
void PgConnection::Clear::operator()(pg_result* result) const { PQclear(result); }

Error PgConnection::failure(const pg_result* result) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  sqlstate_ = state ? state : "";
  if (silent_)
    return {ErrorCode::kDatabaseLost, "the connection to the database was lost",
            cancelled_at_
                ? "no word from the server, and the run was asked to stop"
                : fmt::format("no word from the server for {} s", to_seconds(*limits_.silence))};
  const char* primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  const std::string message = primary ? primary : first_line(PQerrorMessage(connection_.get()));
  // Not every connection that has no word for its failure is known to be dead yet.
  if (sqlstate_.empty() && alive() && message.find("out of memory") != std::string::npos)
    return {ErrorCode::kOutOfMemory, "no memory is left for what goes to the database", message};
  if (sqlstate_.empty() || !alive())
    return {ErrorCode::kDatabaseLost, "the connection to the database was lost",
            sqlstate_.empty() ? message : fmt::format("{}, SQLSTATE {}", message, sqlstate_)};
  const ErrorCode code = sqlstate_rule(sqlstate_).code;
  if (code == ErrorCode::kDiskFull)
    return {ErrorCode::kDiskFull,
            "the database's disk is full; what was finished is kept: free some space, then run "
            "again",
            fmt::format("{}, SQLSTATE {}", message, sqlstate_)};
  return {code, fmt::format("the database refused a statement: {}", message),
          fmt::format("SQLSTATE {}", sqlstate_)};
}

/// Waits until the connection can be read from, or written to where `events` has POLLOUT. False
/// when the wait limits are reached, which ends the connection too.
bool PgConnection::await(short events) {
  const Clock::time_point start = Clock::now();
  while (!silent_) {
    pollfd waiting{PQsocket(connection_.get()), events, 0};
    const int slice = limits_.silence || limits_.keep_waiting
                          ? static_cast<int>(WaitLimits::kBetweenQuestions.count())
                          : -1;
    const int ready = ::poll(&waiting, 1, slice);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (!cancelled_at_ && !limits_.allows_waiting()) cancel();
    const Clock::time_point now = Clock::now();
    silent_ = (limits_.silence && now - start >= *limits_.silence) ||
              (cancelled_at_ && now - *cancelled_at_ >= kAfterCancelling);
  }
  return false;
}

/// Asks the server to end the statement at hand, which then fails as any other may. On a thread of
/// its own: a server that stands still keeps this call for ever.
void PgConnection::cancel() {
  cancelled_at_ = Clock::now();
  std::shared_ptr<PGcancel> request(PQgetCancel(connection_.get()), PQfreeCancel);
  std::thread([request] {
    char why_not[256];
    if (request) PQcancel(request.get(), why_not, sizeof why_not);
  }).detach();
}

bool PgConnection::read_when_there() {
  return await(POLLIN) && PQconsumeInput(connection_.get()) == 1;
}

/// Sends what libpq has buffered. Reads meanwhile, or a server that has much to say would stop
/// reading from us.
bool PgConnection::send_off() {
  PGconn* connection = connection_.get();
  for (;;) {
    const int left = PQflush(connection);
    if (left <= 0) return left == 0;
    if (!await(POLLIN | POLLOUT) || PQconsumeInput(connection) != 1) return false;
  }
}

/// The next result, null after the last one or when the wait limits are reached.
PgConnection::ResultPtr PgConnection::next_result() {
  while (PQisBusy(connection_.get()) == 1)
    if (!read_when_there()) break;
  // Of a broken connection libpq makes a result that says so, without waiting.
  return ResultPtr(silent_ ? nullptr : PQgetResult(connection_.get()));
}

/// Sends off what was `sent` and gives its last result, or the one that begins a COPY.
PgConnection::ResultPtr PgConnection::last_result(bool sent) {
  cancelled_at_.reset();
  if (!sent || !send_off()) return nullptr;
  ResultPtr last;
  while (ResultPtr next = next_result()) {
    last = std::move(next);
    const ExecStatusType status = PQresultStatus(last.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || !alive()) break;
  }
  return silent_ ? nullptr : std::move(last);
}

/// Reads what results are left, or the next statement would meet them. Gives the first failure.
std::optional<Error> PgConnection::read_to_the_end() {
  std::optional<Error> refused;
  while (const ResultPtr next = next_result()) {
    const ExecStatusType status = PQresultStatus(next.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !refused)
      refused = failure(next.get());
    if (status == PGRES_COPY_IN) break;
  }
  if (!refused && silent_) refused = failure(nullptr);
  return refused;
}

Result<PgRows> PgConnection::run(const std::string& sql, std::span<const PgParam> params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const PgParam& param : params) values.push_back(param ? param->c_str() : nullptr);
  ResultPtr result =
      last_result(params.empty() ? PQsendQuery(connection_.get(), sql.c_str()) == 1
                                 : PQsendQueryParams(connection_.get(), sql.c_str(),
                                                     static_cast<int>(values.size()), nullptr,
                                                     values.data(), nullptr, nullptr, 0) == 1);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
    return PgRows(result.release());
  return failure(result.get());
}

Result<void> PgConnection::prepare(const std::string& name, const std::string& sql) {
  const ResultPtr result =
      last_result(PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) == 1);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  return failure(result.get());
}

Result<void> PgConnection::copy_in(const std::string& sql, std::string_view rows) {
  PGconn* connection = connection_.get();
  const ResultPtr started = last_result(PQsendQuery(connection, sql.c_str()) == 1);
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) return failure(started.get());
  bool sent = true;
  while (sent && !rows.empty()) {
    const std::size_t piece = std::min(rows.size(), kCopyPieceBytes);
    sent = PQputCopyData(connection, rows.data(), static_cast<int>(piece)) == 1 && send_off();
    rows.remove_prefix(piece);
  }
  sent = sent && PQputCopyEnd(connection, nullptr) == 1 && send_off();
  if (auto refused = read_to_the_end()) return *refused;
  if (!sent) return failure(nullptr);
  return {};
}

Result<void> PgConnection::copy_out_lines(const std::string& sql,
                                          void (*line)(void*, std::string_view), void* context) {
  PGconn* connection = connection_.get();
  const ResultPtr started = last_result(PQsendQuery(connection, sql.c_str()) == 1);
  if (PQresultStatus(started.get()) != PGRES_COPY_OUT) return failure(started.get());
  constexpr int kNotYet = 0;
  constexpr int kFailed = -2;
  int length = 0;
  do {
    char* buffer = nullptr;
    length = PQgetCopyData(connection, &buffer, 1);
    if (length == kNotYet && !read_when_there()) return failure(nullptr);
    if (length <= 0) continue;
    const std::unique_ptr<char, FreeMemory> owned(buffer);
    std::string_view text(buffer, static_cast<std::size_t>(length));
    if (text.ends_with('\n')) text.remove_suffix(1);
    line(context, text);
  } while (length >= 0);
  if (auto refused = read_to_the_end()) return *refused;
  if (length == kFailed) return failure(nullptr);
  return {};
}

bool PgConnection::alive() const {
  return !silent_ && PQstatus(connection_.get()) == CONNECTION_OK;
}
int PgConnection::announced_process() const { return PQbackendPID(connection_.get()); }
int PgConnection::socket() const { return PQsocket(connection_.get()); }

}  // namespace forkdex
