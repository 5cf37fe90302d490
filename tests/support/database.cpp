#include "tests/support/database.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/support/leftovers.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"

namespace forkdex::test {
namespace {

/// Options of a connection string, those that are set.
std::map<std::string, std::string> parameters(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.c_str(), &message), PQconninfoFree);
  if (!options) {
    const std::string text = message ? message : "no memory";
    PQfreemem(message);
    throw std::runtime_error(url + ": " + text);
  }
  std::map<std::string, std::string> found;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option) {
    if (option->val) found[option->keyword] = option->val;
  }
  return found;
}

std::string percent_encoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

/// The server that every Database of this process lives in; its address.
class SharedServer {
 public:
  SharedServer() {
    const Ended started = supervisor({"database", "start"});
    if (started.status != 0) throw std::runtime_error("database start: " + started.text());
    const Ended asked = supervisor({"database", "url"});
    if (asked.status != 0) throw std::runtime_error("database url: " + asked.text());
    url_ = trimmed(asked.out);
    expect_path(parameters(url_)["host"]);
    for (const ProcessInfo& info : descendants(::getpid())) {
      if (info.parent == ::getpid() && info.name == "postgres") expect_process(info.pid);
    }
  }

  ~SharedServer() { supervisor({"database", "stop"}); }

  const std::string& url() const { return url_; }

 private:
  std::string url_;
};

std::unique_ptr<SharedServer>& shared_server() {
  static std::unique_ptr<SharedServer> server;
  return server;
}

const std::string& shared_url() {
  if (!shared_server()) shared_server() = std::make_unique<SharedServer>();
  return shared_server()->url();
}

std::vector<std::string> lines(const std::vector<Row>& rows) {
  std::vector<std::string> all;
  for (const Row& row : rows) {
    std::string line;
    for (const std::string& value : row) line += value + "\x1f";
    all.push_back(std::move(line));
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// `[1,-2,0.5]`, as pgvector prints it.
std::vector<float> parsed_vector(const std::string& text) {
  std::vector<float> values;
  const char* at = text.c_str();
  while (*at == '[' || *at == ',') {
    char* end = nullptr;
    values.push_back(std::strtof(at + 1, &end));
    at = end;
  }
  return values;
}

double cosine(const std::vector<float>& left, const std::vector<float>& right) {
  double dot = 0;
  double left_norm = 0;
  double right_norm = 0;
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
    dot += double{left[i]} * right[i];
    left_norm += double{left[i]} * left[i];
    right_norm += double{right[i]} * right[i];
  }
  return left.size() == right.size() ? dot / std::sqrt(left_norm * right_norm) : -1;
}

void compare_lines(const std::string& what, const std::vector<std::string>& left,
                   const std::vector<std::string>& right, std::vector<std::string>& found) {
  std::vector<std::string> only;
  std::set_difference(left.begin(), left.end(), right.begin(), right.end(),
                      std::back_inserter(only));
  for (const std::string& line : only) found.push_back("only left, " + what + ": " + line);
  only.clear();
  std::set_difference(right.begin(), right.end(), left.begin(), left.end(),
                      std::back_inserter(only));
  for (const std::string& line : only) found.push_back("only right, " + what + ": " + line);
}

}  // namespace

Connection::Connection(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_) == CONNECTION_OK) return;
  const std::string message = PQerrorMessage(connection_);
  PQfinish(connection_);
  throw std::runtime_error(message);
}

Connection::~Connection() { PQfinish(connection_); }

Connection::Connection(Connection&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

std::vector<Row> Connection::rows(const std::string& sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_, sql.c_str()),
                                                              PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection_));
  }
  std::vector<Row> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row& values = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      values.push_back(
          PQgetisnull(result.get(), row, column) ? "∅" : PQgetvalue(result.get(), row, column));
    }
  }
  return rows;
}

Database::Database() {
  static std::atomic<int> count = 0;
  name_ = "t" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  Connection(shared_url()).rows("CREATE DATABASE " + name_);
  url_ = with_parameters(shared_url(), {{"dbname", name_}});
}

Database::~Database() {
  if (name_.empty()) return;
  try {
    Connection(shared_url()).rows("DROP DATABASE " + name_ + " WITH (FORCE)");
  } catch (const std::exception& error) {
    WARN("a database is left to its server: " << error.what());
  }
}

std::vector<Row> Database::rows(const std::string& sql) const { return Connection(url_).rows(sql); }

std::string Database::value(const std::string& sql) const {
  const std::vector<Row> found = rows(sql);
  if (found.size() != 1) {
    throw std::runtime_error(sql + ": " + std::to_string(found.size()) + " rows, not one");
  }
  return found[0].at(0);
}

std::string with_parameters(const std::string& url,
                            const std::map<std::string, std::string>& changes) {
  std::map<std::string, std::string> all = parameters(url);
  for (const auto& [name, value] : changes) all[name] = value;
  std::string joined = "postgresql://";
  char separator = '?';
  for (const auto& [name, value] : all) {
    joined += separator + name + "=" + percent_encoded(value);
    separator = '&';
  }
  return joined;
}

Dump dump(const Database& database, const std::string& repository, Vectors vectors) {
  Connection connection(database.url());
  const std::string of_repository =
      "repository_id = (SELECT id FROM forkdex.repositories WHERE name = '" + repository + "')";
  Dump dump;
  dump.repository = lines(connection.rows(
      "SELECT head, remote FROM forkdex.repositories WHERE name = '" + repository + "'"));
  dump.files = lines(
      connection.rows("SELECT path, state, reason, language, chunk_count, bytes, content_hash, "
                      "blob_oid, recipe, last_commit, "
                      "CASE WHEN state NOT IN ('failed', 'quarantined') THEN detail END "
                      "FROM forkdex.files WHERE " +
                      of_repository));
  dump.chunks = lines(connection.rows(
      "SELECT path, ordinal, kind, name, qualified_name, parent, signature, docstring, start_line, "
      "end_line, definition_line, start_byte, end_byte, source, content_hash, text_hash, metadata, "
      "lexemes FROM forkdex.chunks WHERE " +
      of_repository));
  dump.commits = lines(connection.rows(
      "SELECT oid, author, extract(epoch FROM authored_at)::bigint, message, files, file_count, "
      "content_hash FROM forkdex.commits WHERE " +
      of_repository));
  const std::string needed =
      " WHERE vectors.content_hash IN (SELECT content_hash FROM forkdex.chunks WHERE " +
      of_repository + " UNION SELECT text_hash FROM forkdex.chunks WHERE " + of_repository +
      " UNION SELECT content_hash FROM forkdex.commits WHERE " + of_repository + ")";
  for (const Row& row :
       connection.rows("SELECT models.fingerprint, vectors.content_hash, vectors.embedding "
                       "FROM forkdex.vectors JOIN forkdex.models ON models.id = vectors.model_id" +
                       (vectors == Vectors::kNeeded ? needed : std::string()))) {
    dump.vectors[row[0] + " " + row[1]] = parsed_vector(row[2]);
  }
  return dump;
}

std::vector<std::string> differences(const Dump& left, const Dump& right) {
  constexpr double kTolerance = 1e-3;
  constexpr std::size_t kShown = 10;
  std::vector<std::string> found;
  compare_lines("repository", left.repository, right.repository, found);
  compare_lines("file", left.files, right.files, found);
  compare_lines("chunk", left.chunks, right.chunks, found);
  compare_lines("commit", left.commits, right.commits, found);
  std::vector<std::string> left_keys;
  std::vector<std::string> right_keys;
  for (const auto& entry : left.vectors) left_keys.push_back(entry.first);
  for (const auto& entry : right.vectors) right_keys.push_back(entry.first);
  compare_lines("vector", left_keys, right_keys, found);
  for (const auto& [key, vector] : left.vectors) {
    const auto other = right.vectors.find(key);
    if (other == right.vectors.end()) continue;
    const double similarity = cosine(vector, other->second);
    if (!(similarity >= 1 - kTolerance)) {
      found.push_back("vector " + key + ": cosine " + std::to_string(similarity));
    }
  }
  if (found.size() > kShown) {
    found.push_back("and more: " + std::to_string(found.size()) + " in all");
    std::swap(found[kShown], found.back());
    found.resize(kShown + 1);
  }
  return found;
}

void stop_shared_server() { shared_server().reset(); }

}  // namespace forkdex::test
