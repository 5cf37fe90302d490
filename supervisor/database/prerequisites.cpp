#include "supervisor/database/prerequisites.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/pg/session.h"

namespace forkdex {
namespace {

// Before, building an HNSW index by several processes, and vacuuming it, had bugs.
constexpr std::array<int, 3> kOldestPgvector = {0, 8, 4};

/// What the database is like for the role.
struct Facts {
  std::string role;
  std::string database;
  bool may_create_schema = false;
  bool has_schema = false;  ///< ours
  bool may_use_schema = false;
  bool may_make_tables = false;  ///< or they are there
  bool may_read_tables = false;  ///< all of ours
  bool has_public = false;
  bool may_use_public = false;
  bool has_usual_path = false;  ///< nobody has set another search path than PostgreSQL's
  std::string pgvector;         ///< its version; empty for none
  std::string pgvector_schema;
  bool may_use_pgvector = false;
};

// Of the catalogs alone: a name in a schema that may not be used is an error.
constexpr const char* kFacts =
    "SELECT current_user, current_database(), "
    " has_database_privilege(current_database(), 'CREATE'), ours.oid IS NOT NULL, "
    " coalesce(has_schema_privilege(ours.oid, 'USAGE'), false), "
    " coalesce(has_schema_privilege(ours.oid, 'CREATE'), false) OR EXISTS (SELECT FROM "
    "   pg_catalog.pg_class c WHERE c.relnamespace = ours.oid AND c.relname = 'schema_version'), "
    " NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = ours.oid "
    "   AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, 'SELECT')), "
    " public.oid IS NOT NULL, coalesce(has_schema_privilege(public.oid, 'USAGE'), false), "
    " (SELECT reset_val = '\"$user\", public' FROM pg_catalog.pg_settings "
    "   WHERE name = 'search_path'), "
    " coalesce(e.extversion, ''), coalesce(theirs.nspname, ''), "
    " coalesce(has_schema_privilege(theirs.oid, 'USAGE'), false) "
    "FROM (VALUES (1)) AS one "
    "LEFT JOIN pg_catalog.pg_namespace ours ON ours.nspname = 'forkdex' "
    "LEFT JOIN pg_catalog.pg_namespace public ON public.nspname = 'public' "
    "LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'vector' "
    "LEFT JOIN pg_catalog.pg_namespace theirs ON theirs.oid = e.extnamespace";

Result<Facts> read_facts(PgConnection& connection) {
  const auto rows = connection.run(kFacts);
  if (!rows) return rows.error();
  const auto text = [&](int column) { return std::string(rows->text(0, column)); };
  const auto holds = [&](int column) { return rows->text(0, column) == "t"; };
  return Facts{.role = text(0),
               .database = text(1),
               .may_create_schema = holds(2),
               .has_schema = holds(3),
               .may_use_schema = holds(4),
               .may_make_tables = holds(5),
               .may_read_tables = holds(6),
               .has_public = holds(7),
               .may_use_public = holds(8),
               .has_usual_path = holds(9),
               .pgvector = text(10),
               .pgvector_schema = text(11),
               .may_use_pgvector = holds(12)};
}

Error unusable(std::string sentence) {
  return {ErrorCode::kDatabaseUnusable, std::move(sentence), ""};
}

/// What is missing, and the statements that mend it, in order.
struct Lacks {
  std::vector<std::string> what;
  std::vector<std::string> statements;

  void add(std::string lack, std::string statement) {
    if (!lack.empty()) what.push_back(std::move(lack));
    statements.push_back(std::move(statement));
  }
};

Error error_of(const Lacks& lacks, const Facts& facts) {
  return unusable(fmt::format("in database {}, {}: an administrator must run, in that database: {}",
                              facts.database, fmt::join(lacks.what, ", and "),
                              fmt::join(lacks.statements, " ")));
}

/// What is missing of our schema.
void add_schema(const Facts& facts, Lacks& lacks) {
  const std::string role = quoted_name(facts.role);
  if (!facts.has_schema && !facts.may_create_schema)
    lacks.add(fmt::format("role {} may not create the schema forkdex", facts.role),
              fmt::format("GRANT CREATE ON DATABASE {} TO {};", quoted_name(facts.database), role));
  if (facts.has_schema && !facts.may_use_schema)
    lacks.add(fmt::format("role {} may not use the schema forkdex", facts.role),
              fmt::format("GRANT USAGE, CREATE ON SCHEMA forkdex TO {};", role));
  if (facts.has_schema && facts.may_use_schema && !facts.may_make_tables)
    lacks.add(fmt::format("role {} may not create tables in the schema forkdex", facts.role),
              fmt::format("GRANT CREATE ON SCHEMA forkdex TO {};", role));
  if (facts.has_schema && !facts.may_read_tables)
    lacks.add(fmt::format("role {} may not use the tables of forkdex", facts.role),
              fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA forkdex TO "
                          "{};",
                          role));
}

/// What an administrator must do because the role may not create pgvector.
void add_pgvector(const Facts& facts, Lacks& lacks) {
  const std::string missing =
      fmt::format("pgvector is missing and role {} may not create it", facts.role);
  const std::string role = quoted_name(facts.role);
  if (!facts.has_public) {
    // Nothing is left to be granted on a schema that is the role's.
    if (!facts.has_schema) {
      lacks = {};
      lacks.add("", fmt::format("CREATE SCHEMA forkdex AUTHORIZATION {};", role));
    }
    return lacks.add(missing, "CREATE EXTENSION vector SCHEMA forkdex;");
  }
  lacks.add(missing, facts.has_usual_path ? "CREATE EXTENSION vector;"
                                          : "CREATE EXTENSION vector SCHEMA public;");
  if (!facts.may_use_public)
    lacks.add("", fmt::format("GRANT USAGE ON SCHEMA public TO {};", role));
}

/// Creates pgvector, or adds to `lacks` what an administrator must do. Where nobody has dropped the
/// schema public it stands there, for other programs to find.
Result<void> create_pgvector(PgConnection& connection, const Facts& facts, Lacks& lacks) {
  std::string create = "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public";
  if (!facts.has_public) {
    if (!facts.has_schema && !facts.may_create_schema) {
      add_pgvector(facts, lacks);
      return {};
    }
    create = "CREATE EXTENSION vector SCHEMA forkdex";
    if (!facts.has_schema) create = "CREATE SCHEMA forkdex; " + create;
  }
  const auto created = connection.run(create);
  if (created) return {};
  const std::string sqlstate = connection.sqlstate();
  if (sqlstate == "42501") {
    add_pgvector(facts, lacks);
    return {};
  }
  if (sqlstate == "0A000" || sqlstate == "58P01")
    return unusable(
        "pgvector is not installed on the database's server: an administrator must install it "
        "(Debian: the package postgresql-NN-pgvector) and run: CREATE EXTENSION vector;");
  return created.error();
}

/// Whether `version` ("0.8.5") is one whose halfvec, iterative scans and indexes we can use.
bool recent_enough(std::string_view version) {
  std::array<int, 3> parts{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int& part : parts) {
    at = std::from_chars(at, end, part).ptr;
    if (at == end || *at != '.') break;
    ++at;
  }
  return parts >= kOldestPgvector;
}

}  // namespace

Result<void> meet_prerequisites(PgConnection& connection) {
  auto facts = read_facts(connection);
  if (!facts) return facts.error();
  Lacks lacks;
  add_schema(*facts, lacks);
  if (facts->pgvector.empty()) {
    if (auto created = create_pgvector(connection, *facts, lacks); !created) return created;
    if (!lacks.statements.empty()) return error_of(lacks, *facts);
    facts = read_facts(connection);
    if (!facts) return facts.error();
    if (facts->pgvector.empty()) return unusable("pgvector was dropped while forkdex started");
  }
  if (!recent_enough(facts->pgvector))
    return unusable(fmt::format(
        "pgvector is {}: forkdex needs 0.8.4 or later; an administrator must install it and run: "
        "ALTER EXTENSION vector UPDATE;",
        facts->pgvector));
  if (!facts->may_use_pgvector)
    lacks.add(fmt::format("role {} may not use pgvector's schema {}", facts->role,
                          facts->pgvector_schema),
              fmt::format("GRANT USAGE ON SCHEMA {} TO {};", quoted_name(facts->pgvector_schema),
                          quoted_name(facts->role)));
  if (!lacks.statements.empty()) return error_of(lacks, *facts);
  return search_pgvector(connection);
}

}  // namespace forkdex
