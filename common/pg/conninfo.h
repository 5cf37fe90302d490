#pragma once

// What a connection string says, a URI or keywords, with libpq's defaults and environment.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// libpq's name.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
struct _PQconninfoOption;

namespace forkdex {

class Conninfo {
 public:
  /// Nothing for what libpq cannot parse. libpq's message for it quotes the text, which may hold a
  /// password, so it is not passed on.
  static std::optional<Conninfo> parse(const std::string& text);

  /// The names of all parameters that libpq knows.
  static std::vector<std::string> parameters();

  /// The value of `keyword`; empty where there is none.
  std::string_view value(std::string_view keyword) const;
  /// Its connect_timeout; 10 s where it names none.
  std::chrono::seconds connect_timeout() const;

 private:
  struct Free {
    void operator()(_PQconninfoOption* options) const;
  };
  explicit Conninfo(_PQconninfoOption* options) : options_(options) {}
  std::unique_ptr<_PQconninfoOption, Free> options_;
};

/// Names the server and database of `conninfo` for a person; never its password.
std::string describe_database(const std::string& conninfo);

}  // namespace forkdex
