#pragma once

// One connection to PostgreSQL. Blocking, within its wait limits; one thread at a time.
// Killed in the middle, it leaves an open transaction that the server rolls back.

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/pg/values.h"
#include "common/pg/wait_limits.h"

struct pg_conn;

namespace forkdex {

class PgConnection {
 public:
  /// Connects to `conninfo` (a URI or keyword string). `sqlstate`, when given, receives what the
  /// server refused with ("" when no server answered). BLOCKS up to its connect_timeout (10 s when
  /// it names none), no longer than `limits` allow, which then hold for every statement.
  /// ERRORS kDatabaseUnreachable, kTooManyConnections.
  static Result<PgConnection> open(const std::string& conninfo, const std::string& application_name,
                                   std::string* sqlstate = nullptr, WaitLimits limits = {});

  /// Holds for every statement from now on: a `keep_waiting` that gives false cancels it.
  void set_wait_limits(WaitLimits limits) { limits_ = std::move(limits); }
  const WaitLimits& wait_limits() const { return limits_; }

  /// Runs one statement (without parameters: or several, giving the last one's rows). ERRORS by
  /// SQLSTATE (common/pg/sqlstate.h): kRowRefused, kDatabaseBusy, kDatabaseLost (also when nobody
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
  /// The process that the other end named as ours when it let us in.
  int announced_process() const;
  bool alive() const;
  /// Whether the connection counts as lost because the server was silent for too long.
  bool fell_silent() const { return silent_; }
  /// Ends the session, and with it what the server holds for it, as soon as the server learns of
  /// it. Whatever is run afterwards fails as on a lost connection.
  void close() { connection_.reset(); }
  int socket() const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using ResultPtr = std::unique_ptr<pg_result, Clear>;

  explicit PgConnection(pg_conn* connection) : connection_(connection) {}
  bool await(short events);
  bool read_when_there();
  bool send_off();
  ResultPtr next_result();
  ResultPtr last_result(bool sent);
  std::optional<Error> read_to_the_end();
  void cancel();
  Result<void> copy_out_lines(const std::string& sql, void (*line)(void*, std::string_view),
                              void* context);
  Error failure(const pg_result* result);

  std::unique_ptr<pg_conn, Finish> connection_;
  std::string sqlstate_;
  WaitLimits limits_;
  bool silent_ = false;  // the server was silent for too long
  /// Of the statement at hand.
  std::optional<std::chrono::steady_clock::time_point> cancelled_at_;
};

}  // namespace forkdex
