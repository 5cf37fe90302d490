#include "supervisor/answer/cursor.h"

#include <fmt/format.h>

namespace forkdex {
namespace {

constexpr int kBatchRows = 1000;

Result<void> visit_batches(PgConnection& connection,
                           const std::function<bool(const PgRows&, int)>& visit) {
  const std::string fetch = fmt::format("FETCH {} FROM forkdex_answer", kBatchRows);
  for (;;) {
    const Result<PgRows> rows = connection.run(fetch);
    if (!rows) return rows.error();
    for (int row = 0; row < rows->size(); ++row)
      if (!visit(*rows, row)) return {};
    if (rows->size() < kBatchRows) return {};
  }
}

}  // namespace

Result<void> for_each_row_inside(PgConnection& connection, const std::string& select,
                                 std::span<const PgParam> params,
                                 const std::function<bool(const PgRows&, int)>& visit) {
  const auto opened =
      connection.run("DECLARE forkdex_answer NO SCROLL CURSOR FOR " + select, params);
  if (!opened) return opened.error();
  if (auto visited = visit_batches(connection, visit); !visited) return visited;
  const auto closed = connection.run("CLOSE forkdex_answer");
  return closed ? Result<void>() : closed.error();
}

Result<void> for_each_row(PgConnection& connection, const std::string& before,
                          const std::string& select, std::span<const PgParam> params,
                          const std::function<bool(const PgRows&, int)>& visit) {
  if (const auto begun = connection.run("BEGIN READ ONLY"); !begun) return begun.error();
  const auto answer = [&]() -> Result<void> {
    if (!before.empty())
      if (const auto done = connection.run(before); !done) return done.error();
    return for_each_row_inside(connection, select, params, visit);
  }();
  // Nothing was written: a rollback ends the transaction whatever became of it.
  const auto ended = connection.run("ROLLBACK");
  if (!answer) return answer;
  if (!ended) return ended.error();
  return {};
}

}  // namespace forkdex
