#include "common/pg/sqlstate.h"

#include <array>

namespace forkdex {
namespace {

using enum ErrorCode;

constexpr std::array kRules = {
    // The file: what it holds cannot be stored, however often it is tried.
    SqlstateRule{"22", kRowRefused, false},     // data exception
    SqlstateRule{"23", kRowRefused, false},     // integrity constraint violation
    SqlstateRule{"40002", kRowRefused, false},  // the same, found at the commit
    SqlstateRule{"44", kRowRefused, false},     // WITH CHECK OPTION violation
    SqlstateRule{"54", kRowRefused, false},     // program limit exceeded

    // Tried again, then the worker: others were in the way.
    SqlstateRule{"40", kDatabaseBusy, true},      // serialization failure, deadlock
    SqlstateRule{"55006", kDatabaseBusy, true},   // object in use
    SqlstateRule{"57014", kDatabaseBusy, true},   // somebody cancelled the statement
    SqlstateRule{"53000", kDatabaseBusy, true},   // insufficient resources
    SqlstateRule{"53200", kDatabaseBusy, true},   // the server is out of memory
    SqlstateRule{"55P03", kDatabaseBusy, false},  // lock_timeout has passed: we have waited

    // The worker: its connection is gone, or whether it committed is unknown.
    SqlstateRule{"08", kDatabaseLost, false},     // connection exception
    SqlstateRule{"25P03", kDatabaseLost, false},  // idle_in_transaction_session_timeout
    SqlstateRule{"25P04", kDatabaseLost, false},  // transaction_timeout
    SqlstateRule{"40003", kDatabaseLost, false},  // statement completion unknown
    SqlstateRule{"57P", kDatabaseLost, false},    // shutdown, crash, starting up, idle session

    // The run, each with a sentence of its own.
    SqlstateRule{"53100", kDiskFull, false}, SqlstateRule{"53300", kTooManyConnections, false},

    // The run: a schema, a role, a server that is not what we work with; or a bug of ours.
    SqlstateRule{"00", kDatabaseUnusable, false},     // successful completion
    SqlstateRule{"01", kDatabaseUnusable, false},     // warning
    SqlstateRule{"02", kDatabaseUnusable, false},     // no data
    SqlstateRule{"03", kDatabaseUnusable, false},     // SQL statement not yet complete
    SqlstateRule{"09", kDatabaseUnusable, false},     // triggered action exception
    SqlstateRule{"0A", kDatabaseUnusable, false},     // feature not supported
    SqlstateRule{"0B", kDatabaseUnusable, false},     // invalid transaction initiation
    SqlstateRule{"0F", kDatabaseUnusable, false},     // locator exception
    SqlstateRule{"0L", kDatabaseUnusable, false},     // invalid grantor
    SqlstateRule{"0P", kDatabaseUnusable, false},     // invalid role specification
    SqlstateRule{"0Z", kDatabaseUnusable, false},     // diagnostics exception
    SqlstateRule{"10", kDatabaseUnusable, false},     // XQuery error
    SqlstateRule{"20", kDatabaseUnusable, false},     // case not found
    SqlstateRule{"21", kDatabaseUnusable, false},     // cardinality violation
    SqlstateRule{"24", kDatabaseUnusable, false},     // invalid cursor state
    SqlstateRule{"25", kDatabaseUnusable, false},     // invalid transaction state, read-only server
    SqlstateRule{"26", kDatabaseUnusable, false},     // invalid SQL statement name
    SqlstateRule{"27", kDatabaseUnusable, false},     // triggered data change violation
    SqlstateRule{"28", kDatabaseUnusable, false},     // invalid authorization specification
    SqlstateRule{"2B", kDatabaseUnusable, false},     // dependent privileges exist
    SqlstateRule{"2D", kDatabaseUnusable, false},     // invalid transaction termination
    SqlstateRule{"2F", kDatabaseUnusable, false},     // SQL routine exception
    SqlstateRule{"34", kDatabaseUnusable, false},     // invalid cursor name
    SqlstateRule{"38", kDatabaseUnusable, false},     // external routine exception
    SqlstateRule{"39", kDatabaseUnusable, false},     // external routine invocation exception
    SqlstateRule{"3B", kDatabaseUnusable, false},     // savepoint exception
    SqlstateRule{"3D", kDatabaseUnusable, false},     // invalid catalog name
    SqlstateRule{"3F", kDatabaseUnusable, false},     // invalid schema name
    SqlstateRule{"42", kDatabaseUnusable, false},     // syntax error, missing table, no privilege
    SqlstateRule{"53", kDatabaseUnusable, false},     // configuration limit exceeded
    SqlstateRule{"55", kDatabaseUnusable, false},     // object not in prerequisite state
    SqlstateRule{"57", kDatabaseUnusable, false},     // operator intervention
    SqlstateRule{"57P04", kDatabaseUnusable, false},  // the database was dropped
    SqlstateRule{"58", kDatabaseUnusable, false},     // system error, I/O error
    SqlstateRule{"F0", kDatabaseUnusable, false},     // configuration file error
    SqlstateRule{"HV", kDatabaseUnusable, false},     // foreign data wrapper error
    SqlstateRule{"P0", kDatabaseUnusable, false},     // PL/pgSQL error: somebody's trigger
    SqlstateRule{"XX", kDatabaseUnusable, false},     // internal error, corrupted data or index
};

}  // namespace

std::optional<SqlstateRule> find_sqlstate_rule(std::string_view sqlstate) {
  std::optional<SqlstateRule> longest;
  for (const SqlstateRule& rule : kRules)
    if (sqlstate.starts_with(rule.prefix) &&
        (!longest || rule.prefix.size() > longest->prefix.size()))
      longest = rule;
  return longest;
}

SqlstateRule sqlstate_rule(std::string_view sqlstate) {
  return find_sqlstate_rule(sqlstate).value_or(
      SqlstateRule{"", ErrorCode::kDatabaseUnusable, false});
}

}  // namespace forkdex
