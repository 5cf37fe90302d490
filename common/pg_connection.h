#pragma once

// One connection to PostgreSQL. Blocking; one thread at a time. Killed in the middle, it leaves an
// open transaction that the server rolls back.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

struct pg_conn;
struct pg_result;

namespace forkdex {

/// The rows of one statement.
class PgRows {
 public:
  explicit PgRows(pg_result* result);
  int size() const;
  bool empty() const { return size() == 0; }
  bool is_null(int row, int column) const;
  /// The value as text ('' for null). Valid while this object lives.
  std::string_view text(int row, int column) const;
  std::int64_t integer(int row, int column) const;
  double real(int row, int column) const;
  /// Rows a command changed (its command tag).
  std::int64_t affected() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

/// A parameter in text format; nullopt is NULL.
using PgParam = std::optional<std::string>;

/// A parameter of a prepared statement: text, or PostgreSQL's binary format of its type.
struct PgValue {
  PgValue(std::string text) : bytes(std::move(text)) {}
  PgValue(std::int64_t number) : bytes(std::to_string(number)) {}
  PgValue(std::nullopt_t) {}
  static PgValue binary(std::string_view bytes);

  std::optional<std::string> bytes;  ///< nullopt is NULL
  bool is_binary = false;
};

/// One execution of a prepared statement.
struct PgCall {
  std::string statement;
  std::vector<PgValue> params;
};

/// `bytes` as a bytea parameter ("\\x…"), and back from a bytea column's text.
std::string bytea_text(std::string_view bytes);
std::string bytes_from_bytea(std::string_view text);

/// `values` as the text of an array parameter; nullopt is a NULL element.
std::string array_text(std::span<const PgParam> values);

/// Names the server and database of `conninfo` for a person; never its password.
std::string describe_database(const std::string& conninfo);

class PgConnection {
 public:
  /// Connects to `conninfo` (a URI or keyword string). `sqlstate`, when given, receives what the
  /// server refused with ("" when no server answered). BLOCKS up to its connect_timeout (10 s when
  /// it names none). ERRORS kDatabaseUnreachable, kTooManyConnections.
  static Result<PgConnection> open(const std::string& conninfo, const std::string& application_name,
                                   std::string* sqlstate = nullptr);

  /// Runs one statement (without parameters: or several, giving the last one's rows). ERRORS by
  /// SQLSTATE (common/sqlstate.h): kRowRefused, kDatabaseBusy, kDatabaseLost (also when nobody
  /// answers), kDiskFull, kTooManyConnections, kDatabaseUnusable; context holds the SQLSTATE.
  Result<PgRows> run(const std::string& sql, std::span<const PgParam> params = {});
  Result<PgRows> run(const std::string& sql, std::initializer_list<PgParam> params) {
    return run(sql, std::span<const PgParam>(params.begin(), params.size()));
  }

  /// Prepares `sql` under `name`. ERRORS as run().
  Result<void> prepare(const std::string& name, const std::string& sql);

  /// Runs `calls` in order with one round trip; the first failure skips the rest. They are one
  /// transaction, unless they begin one themselves, which then stays open. ERRORS as run().
  Result<std::vector<PgRows>> run_pipeline(std::span<const PgCall> calls);

  /// Sends `rows` (already encoded by CopyEncoder) through `COPY … FROM STDIN (FORMAT binary)`.
  /// `sql` may go on with further statements ("; COMMIT"). ERRORS as run().
  Result<void> copy_in(const std::string& sql, std::string_view rows);

  /// Runs `COPY … TO STDOUT` (text format) and calls `line` for each line, newline removed. `line`
  /// must not use this connection. ERRORS as run().
  template <class F>
  Result<void> copy_out(const std::string& sql, F line) {
    return copy_out_lines(
        sql, [](void* f, std::string_view text) { (*static_cast<F*>(f))(text); }, &line);
  }

  /// The SQLSTATE of the last failed statement, five characters, or "".
  const std::string& sqlstate() const { return sqlstate_; }
  bool alive() const;
  int socket() const;
  pg_conn* raw() { return connection_.get(); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  explicit PgConnection(pg_conn* connection) : connection_(connection) {}
  Result<void> copy_out_lines(const std::string& sql, void (*line)(void*, std::string_view),
                              void* context);
  Error failure(const pg_result* result);

  std::unique_ptr<pg_conn, Finish> connection_;
  std::string sqlstate_;
};

}  // namespace forkdex
