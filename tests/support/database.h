#pragma once

// Databases to index into. One embedded server is started by `supervisor database start` when the
// first case asks for it, and stopped when the test program ends; each Database is one of its
// databases, so that known vectors of one run never help another.

#include <map>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;

namespace forkdex::test {

using Row = std::vector<std::string>;  ///< values as text, null as "∅"

/// A new, empty database, dropped when destroyed; or one that exists and is left as it is.
class Database {
 public:
  Database();
  explicit Database(std::string url) : url_(std::move(url)) {}
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// What --database-url takes, for the server's own user.
  const std::string& url() const { return url_; }
  const std::string& name() const { return name_; }  ///< empty unless it is ours

  /// The rows of one statement. Throws std::runtime_error with the server's message.
  std::vector<Row> rows(const std::string& sql) const;
  /// The one value of one row.
  std::string value(const std::string& sql) const;

 private:
  std::string name_;
  std::string url_;
};

/// An open connection; for holding locks and filling slots.
class Connection {
 public:
  /// Throws std::runtime_error if `url` cannot be connected to.
  explicit Connection(const std::string& url);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  std::vector<Row> rows(const std::string& sql);

 private:
  pg_conn* connection_;
};

/// `url` with some of its parameters (libpq's keywords) replaced.
std::string with_parameters(const std::string& url,
                            const std::map<std::string, std::string>& changes);

/// All that indexing stored of one repository, in an order of its own: what does not depend on
/// when, where and by how many workers it was indexed.
struct Dump {
  std::vector<std::string> repository;                ///< one line: its head and remote
  std::vector<std::string> files;                     ///< one line a row
  std::vector<std::string> chunks;                    ///< one line a row, the source included
  std::vector<std::string> commits;                   ///< one line a row
  std::map<std::string, std::vector<float>> vectors;  ///< by model and hash of the text
};

/// Vectors of a dump: all that the database has, or those that a row of the repository refers to.
enum class Vectors { kAll, kNeeded };

Dump dump(const Database& database, const std::string& repository, Vectors vectors = Vectors::kAll);

/// The first few differences of two dumps, a line each; empty when rows are the same and vectors
/// point the same way to within 1e-3.
std::vector<std::string> differences(const Dump& left, const Dump& right);

/// Stops the shared server, if one was started.
void stop_shared_server();

}  // namespace forkdex::test
