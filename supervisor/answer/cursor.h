#pragma once

#include <functional>
#include <span>
#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"

namespace forkdex {

/// Calls `visit` for each row of `select`, fetched in batches so that an answer of any size takes
/// little memory, until it returns false. `before` is run first in the same read-only transaction
/// (set_config(…, true); may be empty). REQUIRES no open transaction. ERRORS as PgConnection::run.
Result<void> for_each_row(PgConnection& connection, const std::string& before,
                          const std::string& select, std::span<const PgParam> params,
                          const std::function<bool(const PgRows& rows, int row)>& visit);

/// As for_each_row, in the transaction that is open.
Result<void> for_each_row_inside(PgConnection& connection, const std::string& select,
                                 std::span<const PgParam> params,
                                 const std::function<bool(const PgRows& rows, int row)>& visit);

}  // namespace forkdex
