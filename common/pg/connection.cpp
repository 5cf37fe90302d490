#include "common/pg/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/pg/sqlstate.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDefaultConnectTimeout{10};
constexpr std::size_t kCopyPieceBytes = 1 << 20;  // PQputCopyData takes an int and copies
constexpr std::chrono::milliseconds kBetweenQuestions{100};
constexpr std::chrono::seconds kAfterCancelling{2};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

/// Parses `conninfo`, defaults and environment included. libpq's message for a bad one quotes the
/// text, which may hold a password, so it is not passed on.
Options parse(const std::string& conninfo) {
  char* message = nullptr;
  Options named(PQconninfoParse(conninfo.c_str(), &message));
  std::unique_ptr<char, FreeMemory> owned(message);
  if (!named) return nullptr;
  Options all(PQconndefaults());
  if (!all) return named;
  for (PQconninfoOption* option = named.get(); option->keyword; ++option) {
    if (!option->val) continue;
    for (PQconninfoOption* full = all.get(); full->keyword; ++full) {
      if (std::strcmp(full->keyword, option->keyword) != 0) continue;
      std::free(full->val);
      full->val = strdup(option->val);
    }
  }
  return all;
}

std::string_view value_of(const Options& options, std::string_view keyword) {
  for (const PQconninfoOption* option = options.get(); option && option->keyword; ++option)
    if (keyword == option->keyword) return option->val ? option->val : std::string_view();
  return {};
}

std::chrono::seconds connect_timeout(const Options& options) {
  const std::string_view text = value_of(options, "connect_timeout");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || seconds < 0) return kDefaultConnectTimeout;
  // 0 is libpq's "for ever"; 2 its least.
  return seconds == 0 ? std::chrono::hours(24) : std::chrono::seconds(std::max(seconds, 2));
}

/// The first line of libpq's message, without "LOCATION" and hints on further lines.
std::string first_line(const char* message) {
  std::string_view text(message ? message : "");
  text = text.substr(0, text.find('\n'));
  return std::string(text);
}

/// Drives a connection begun by PQconnectStartParams. libpq's blocking call would do the same but
/// could not be told to report the SQLSTATE of a refusal.
bool finish_connecting(PGconn* connection, std::chrono::milliseconds timeout,
                       const Patience& patience) {
  const Clock::time_point deadline = Clock::now() + timeout;
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    pollfd waiting{PQsocket(connection), POLLIN, 0};
    if (wanted == PGRES_POLLING_WRITING) waiting.events = POLLOUT;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !patience.lasts()) return false;
    const auto slice = patience.keep_waiting ? std::min(left, kBetweenQuestions) : left;
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

bool send(PGconn* connection, const PgCall& call) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const PgValue& param : call.params) {
    values.push_back(param.bytes ? param.bytes->data() : nullptr);
    lengths.push_back(param.bytes ? static_cast<int>(param.bytes->size()) : 0);
    formats.push_back(param.is_binary ? 1 : 0);
  }
  return PQsendQueryPrepared(connection, call.statement.c_str(), static_cast<int>(values.size()),
                             values.data(), lengths.data(), formats.data(), 0) == 1;
}

}  // namespace

std::string describe_database(const std::string& conninfo) {
  const Options options = parse(conninfo);
  if (!options) return "a database URL that cannot be read";
  std::string_view host = value_of(options, "host");
  if (host.empty()) host = value_of(options, "hostaddr");
  if (host.empty()) host = "local socket";
  const std::string_view port = value_of(options, "port");
  const std::string_view user = value_of(options, "user");
  const std::string_view database = value_of(options, "dbname");
  return fmt::format("{} at {}{}{} as {}", database.empty() ? user : database, host,
                     port.empty() || host.starts_with('/') ? "" : ":",
                     host.starts_with('/') ? "" : port, user);
}

void PgConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }
void PgConnection::Clear::operator()(pg_result* result) const { PQclear(result); }

Result<PgConnection> PgConnection::open(const std::string& conninfo,
                                        const std::string& application_name, std::string* sqlstate,
                                        Patience patience) {
  if (sqlstate) sqlstate->clear();
  const Options options = parse(conninfo);
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
  std::chrono::milliseconds timeout = connect_timeout(options);
  if (patience.silence) timeout = std::min(timeout, *patience.silence);
  if (PQstatus(connection) != CONNECTION_BAD && finish_connecting(connection, timeout, patience)) {
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    // libpq then leaves all waiting to us (await).
    PQsetnonblocking(connection, 1);
    opened.set_patience(std::move(patience));
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

Error PgConnection::failure(const pg_result* result) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  sqlstate_ = state ? state : "";
  if (silent_)
    return {ErrorCode::kDatabaseLost, "the connection to the database was lost",
            cancelled_at_
                ? "no word from the server, and nobody waits for it any more"
                : fmt::format("no word from the server for {} s", to_seconds(*patience_.silence))};
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
/// when patience is at its end, which is the connection's end too.
bool PgConnection::await(short events) {
  const Clock::time_point start = Clock::now();
  while (!silent_) {
    pollfd waiting{PQsocket(connection_.get()), events, 0};
    const int slice = patience_.silence || patience_.keep_waiting
                          ? static_cast<int>(kBetweenQuestions.count())
                          : -1;
    const int ready = ::poll(&waiting, 1, slice);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (!cancelled_at_ && !patience_.lasts()) cancel();
    const Clock::time_point now = Clock::now();
    silent_ = (patience_.silence && now - start >= *patience_.silence) ||
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

/// The next result, null behind the last one or when patience is at its end.
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

Result<std::vector<PgRows>> PgConnection::run_pipeline(std::span<const PgCall> calls) {
  PGconn* connection = connection_.get();
  bool sent = PQenterPipelineMode(connection) == 1;
  for (const PgCall& call : calls) sent = sent && send(connection, call);
  // Only a broken connection refuses to take what is sent.
  if (!sent || PQpipelineSync(connection) != 1 || !send_off()) return failure(nullptr);
  std::vector<PgRows> answers;
  std::optional<Error> refused;
  bool between = false;
  for (bool synced = false; !synced;) {
    ResultPtr result = next_result();
    if (!result) {
      // The end of one call's results; twice in a row, the end of all: the server went away without
      // a sync, which libpq does not always call a bad connection.
      if (std::exchange(between, true) || !alive()) return refused ? *refused : failure(nullptr);
      continue;
    }
    between = false;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        synced = true;
        break;
      case PGRES_PIPELINE_ABORTED:
        break;  // skipped: what failed before it says why
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answers.emplace_back(result.release());
        break;
      default:
        if (!refused) refused = failure(result.get());
        // Of a broken connection there is no end of errors, and no sync.
        if (!alive()) return *refused;
    }
  }
  PQexitPipelineMode(connection);
  if (refused) return *refused;
  return answers;
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
int PgConnection::socket() const { return PQsocket(connection_.get()); }

}  // namespace forkdex
