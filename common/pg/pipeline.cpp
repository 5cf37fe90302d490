// How a PgConnection runs several statements with one round trip.

#include <libpq-fe.h>

#include <utility>
#include <vector>

#include "common/pg/connection.h"

namespace forkdex {
namespace {

bool send(PGconn* connection, const PgCall& call) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const PgValue& param : call.params) {
    values.push_back(param.bytes ? param.bytes->data() : nullptr);
    lengths.push_back(param.bytes ? static_cast<int>(param.bytes->size()) : 0);
    formats.push_back(param.is_binary ? 1 : 0);
  }
  return PQsendQueryPrepared(connection, call.statement.c_str(), static_cast<int>(values.size()),
                             values.data(), lengths.data(), formats.data(), 0) == 1;
}

}  // namespace

Result<std::vector<PgRows>> PgConnection::run_pipeline(std::span<const PgCall> calls) {
  PGconn* connection = connection_.get();
  bool sent = PQenterPipelineMode(connection) == 1;
  for (const PgCall& call : calls) sent = sent && send(connection, call);
  // Only a broken connection refuses to take what is sent.
  if (!sent || PQpipelineSync(connection) != 1 || !send_off()) return failure(nullptr);
  std::vector<PgRows> answers;
  std::optional<Error> refused;
  bool between = false;
  for (bool synced = false; !synced;) {
    ResultPtr result = next_result();
    if (!result) {
      // The end of one call's results; twice in a row, the end of all: the server went away without
      // a sync, which libpq does not always call a bad connection.
      if (std::exchange(between, true) || !alive()) return refused ? *refused : failure(nullptr);
      continue;
    }
    between = false;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        synced = true;
        break;
      case PGRES_PIPELINE_ABORTED:
        break;  // skipped: what failed before it says why
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answers.emplace_back(result.release());
        break;
      default:
        if (!refused) refused = failure(result.get());
        // Of a broken connection there is no end of errors, and no sync.
        if (!alive()) return *refused;
    }
  }
  PQexitPipelineMode(connection);
  if (refused) return *refused;
  return answers;
}

}  // namespace forkdex
