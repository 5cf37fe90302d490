#pragma once

// What goes into a statement and what comes out of it.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// `name` as SQL spells the name of an object, whatever its letters.
std::string quoted_name(std::string_view name);

/// `values` as the text of an array parameter; nullopt is a NULL element.
std::string array_text(std::span<const PgParam> values);
/// `numbers` as an array in its text format.
std::string array_text(std::span<const std::int64_t> numbers);

}  // namespace forkdex
