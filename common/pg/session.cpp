#include "common/pg/session.h"

namespace forkdex {
namespace {

// First of all what could end the next statement, or have it read wrongly.
constexpr const char* kOurs =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET standard_conforming_strings = on; "
    "SET default_transaction_read_only = off; SET bytea_output = hex; SET array_nulls = on; "
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET extra_float_digits = 1; "
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

// By name, because older servers lack some.
constexpr const char* kNoTimeLimits =
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN "
    "('transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')";

// pg_catalog comes before it without being named; what is ours is always named with its schema.
constexpr const char* kSearchPgvector =
    "SELECT pg_catalog.set_config('search_path', coalesce((SELECT "
    "pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace "
    "n ON n.oid = e.extnamespace WHERE e.extname = 'vector'), 'pg_catalog'), false)";

}  // namespace

Result<void> prepare_session(PgConnection& connection) {
  for (const char* statement : {kOurs, kNoTimeLimits})
    if (const auto done = connection.run(statement); !done) return done.error();
  return search_pgvector(connection);
}

Result<void> search_pgvector(PgConnection& connection) {
  const auto done = connection.run(kSearchPgvector);
  return done ? Result<void>() : done.error();
}

}  // namespace forkdex
