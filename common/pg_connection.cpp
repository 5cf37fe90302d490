#include "common/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "common/sqlstate.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDefaultConnectTimeout{10};
constexpr std::size_t kCopyPieceBytes = 1 << 20;  // PQputCopyData takes an int and copies

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

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
bool finish_connecting(PGconn* connection, std::chrono::seconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    pollfd waiting{PQsocket(connection), POLLIN, 0};
    if (wanted == PGRES_POLLING_WRITING) waiting.events = POLLOUT;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
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

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

}  // namespace

PgRows::PgRows(pg_result* result) : result_(result) {}
void PgRows::Clear::operator()(pg_result* result) const { PQclear(result); }
int PgRows::size() const { return PQntuples(result_.get()); }
bool PgRows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PgRows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t PgRows::integer(int row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

double PgRows::real(int row, int column) const {
  const std::string_view digits = text(row, column);
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::int64_t PgRows::affected() const {
  const std::string_view digits = PQcmdTuples(result_.get());
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string bytea_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string bytes_from_bytea(std::string_view text) {
  if (text.starts_with("\\x")) text.remove_prefix(2);
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(hex_digit(text[i]) * 16 + hex_digit(text[i + 1]));
  return bytes;
}

std::string array_text(std::span<const PgParam> values) {
  std::string text = "{";
  for (const PgParam& value : values) {
    if (text.size() > 1) text += ',';
    if (!value) {
      text += "NULL";
      continue;
    }
    text += '"';
    for (const char c : *value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text += '}';
}

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

Result<PgConnection> PgConnection::open(const std::string& conninfo,
                                        const std::string& application_name,
                                        std::string* sqlstate) {
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
  PGconn* connection = opened.raw();
  if (!connection) return Error{ErrorCode::kOutOfMemory, "no memory for a connection", ""};
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection, ignore_notice, nullptr);
  const std::chrono::seconds timeout = connect_timeout(options);
  if (PQstatus(connection) != CONNECTION_BAD && finish_connecting(connection, timeout)) {
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
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
               message.empty() ? fmt::format("no answer within {} s", timeout.count()) : message};
}

Error PgConnection::failure(const pg_result* result) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  sqlstate_ = state ? state : "";
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

Result<PgRows> PgConnection::run(const std::string& sql, std::span<const PgParam> params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const PgParam& param : params) values.push_back(param ? param->c_str() : nullptr);
  ResultPtr result(params.empty() ? PQexec(connection_.get(), sql.c_str())
                                  : PQexecParams(connection_.get(), sql.c_str(),
                                                 static_cast<int>(values.size()), nullptr,
                                                 values.data(), nullptr, nullptr, 0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
    return PgRows(result.release());
  return failure(result.get());
}

PgValue PgValue::binary(std::string_view bytes) {
  PgValue value(std::nullopt);
  value.bytes.emplace(bytes);
  value.is_binary = true;
  return value;
}

Result<void> PgConnection::prepare(const std::string& name, const std::string& sql) {
  ResultPtr result(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr));
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  return failure(result.get());
}

Result<std::vector<PgRows>> PgConnection::run_pipeline(std::span<const PgCall> calls) {
  PGconn* connection = connection_.get();
  bool sent = PQenterPipelineMode(connection) == 1;
  for (const PgCall& call : calls) sent = sent && send(connection, call);
  if (!sent || PQpipelineSync(connection) != 1) {
    // Only a broken connection refuses to take what is sent.
    return failure(nullptr);
  }
  std::vector<PgRows> answers;
  std::optional<Error> refused;
  bool between = false;
  for (bool synced = false; !synced;) {
    ResultPtr result(PQgetResult(connection));
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
  ResultPtr started(PQexec(connection, sql.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) return failure(started.get());
  bool sent = true;
  while (sent && !rows.empty()) {
    const std::size_t piece = std::min(rows.size(), kCopyPieceBytes);
    sent = PQputCopyData(connection, rows.data(), static_cast<int>(piece)) == 1;
    rows.remove_prefix(piece);
  }
  sent = sent && PQputCopyEnd(connection, nullptr) == 1;
  // Every result must be read, or the next statement would meet the rest of this one.
  std::optional<Error> refused;
  while (PGresult* next = PQgetResult(connection)) {
    ResultPtr result(next);
    if (PQresultStatus(next) != PGRES_COMMAND_OK && !refused) refused = failure(next);
    if (PQresultStatus(next) == PGRES_COPY_IN) break;
  }
  if (refused) return *refused;
  if (!sent) return failure(nullptr);
  return {};
}

Result<void> PgConnection::copy_out_lines(const std::string& sql,
                                          void (*line)(void*, std::string_view), void* context) {
  PGconn* connection = connection_.get();
  ResultPtr started(PQexec(connection, sql.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_OUT) return failure(started.get());
  char* buffer = nullptr;
  int length = 0;
  while ((length = PQgetCopyData(connection, &buffer, 0)) > 0) {
    std::unique_ptr<char, FreeMemory> owned(buffer);
    std::string_view text(buffer, static_cast<std::size_t>(length));
    if (text.ends_with('\n')) text.remove_suffix(1);
    line(context, text);
  }
  std::optional<Error> refused;
  while (PGresult* next = PQgetResult(connection)) {
    ResultPtr result(next);
    if (PQresultStatus(next) != PGRES_COMMAND_OK && !refused) refused = failure(next);
  }
  if (refused) return *refused;
  if (length == -2) return failure(nullptr);
  return {};
}

bool PgConnection::alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
int PgConnection::socket() const { return PQsocket(connection_.get()); }

}  // namespace forkdex
