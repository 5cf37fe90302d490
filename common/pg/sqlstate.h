#pragma once

// What a refusal by PostgreSQL means to us, by its SQLSTATE: the one place where that is decided.
// Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes"; a test checks that every
// class of the server we ship has its place here.

#include <optional>
#include <string_view>

#include "common/error/error.h"

namespace forkdex {

struct SqlstateRule {
  std::string_view prefix;  ///< a class (two characters), part of one, or one code (five)
  ErrorCode code;
  /// Whether the same transaction may well succeed when it is run again at once.
  bool passing;
};

/// The rule with the longest prefix of `sqlstate`; none for a class that is unknown here.
std::optional<SqlstateRule> find_sqlstate_rule(std::string_view sqlstate);

/// The rule for `sqlstate`. An unknown class ends the run (kDatabaseUnusable): whoever goes on may
/// lose a file.
SqlstateRule sqlstate_rule(std::string_view sqlstate);

}  // namespace forkdex
