// A database whose role, schemas or extension are not as PostgreSQL makes them: it is used as it
// is, or the error names the statements after which it can be, and they are run here.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

constexpr int kUnavailable = 69;

/// A database, and a role that is not its administrator, whose name has to be quoted.
class Restricted {
 public:
  Restricted() {
    tree_.write("a.py", "def a():\n    return 1\n");
    rows("DROP ROLE IF EXISTS " + role());
    rows("CREATE ROLE " + role());
  }
  ~Restricted() {
    rows("DROP OWNED BY " + role() + " CASCADE");
    rows("DROP ROLE " + role());
  }
  Restricted(const Restricted&) = delete;
  Restricted& operator=(const Restricted&) = delete;

  static std::string role() { return "\"Plain \"\" role\""; }
  std::string name() const { return "\"" + database.name() + "\""; }

  /// Runs `sql` as the administrator, who is not bound by what the database has for others.
  void rows(const std::string& sql) const {
    Connection(with_parameters(database.url(), {{"options",
                                                 "-c statement_timeout=0 -c lock_timeout=0 "
                                                 "-c default_transaction_read_only=off "
                                                 "-c idle_in_transaction_session_timeout=0 "
                                                 "-c standard_conforming_strings=on"}}))
        .rows(sql);
  }

  /// `supervisor` as the role.
  Ended run(std::vector<std::string> words) const {
    const std::string as_role = R"(-c role=Plain\ "\ role)";
    words.insert(words.end(),
                 {"--database-url", with_parameters(database.url(), {{"options", as_role}})});
    return test::run(supervisor_command(words));
  }
  Ended index() const { return run({"index", tree_.path().string(), "--repository", "r"}); }

  /// A run and a search work, the workers' and the search's use of pgvector among it.
  void check_works() const {
    const Ended indexed = index();
    INFO(indexed.text());
    REQUIRE(indexed.status == 0);
    const Ended found = run({"search", "--json", "a function that gives one"});
    INFO(found.text());
    CHECK(found.status == 0);
    CHECK(found.out.find("\"a.py\"") != std::string::npos);
    CHECK(run({"remove", "r"}).status == 0);
  }

  /// A command ends 69 with one sentence, which has the statement `first`; the database's
  /// administrator runs all statements that it has, and then everything works.
  void check_remedy(const std::string& first) const {
    const Ended refused = run({"status"});
    INFO(refused.text());
    REQUIRE(refused.status == kUnavailable);
    const std::string start = "an administrator must run, in that database: ";
    const std::size_t at = refused.err.find(start);
    REQUIRE(at != std::string::npos);
    const std::string statements = refused.err.substr(at + start.size());
    INFO("statements: " << statements);
    CHECK(statements.starts_with(first));
    rows(statements);
    check_works();
  }

  Database database;

 private:
  TemporaryFolder tree_;
};

TEST_CASE("pgvector: in a schema that nobody searches -> used there", "[shallow]") {
  const Restricted restricted;
  restricted.rows("CREATE SCHEMA \"Ext \"\" ensions\"");
  restricted.rows("CREATE EXTENSION vector SCHEMA \"Ext \"\" ensions\"");
  restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
  restricted.check_remedy("GRANT USAGE ON SCHEMA \"Ext \"\" ensions\" TO \"Plain \"\" role\";");
}

TEST_CASE("database: settings of role and database that others made -> used all the same",
          "[shallow]") {
  const Restricted restricted;
  restricted.rows("CREATE EXTENSION vector");
  restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
  // Not of the role: a role that is taken on by SET ROLE brings no settings along.
  for (const char* setting :
       {"search_path = nowhere", "search_path = ''", "search_path = shadow, pg_catalog, public",
        "bytea_output = escape", "standard_conforming_strings = off", "array_nulls = off",
        "datestyle = 'German'", "intervalstyle = 'iso_8601'", "extra_float_digits = -15",
        "default_transaction_read_only = on", "statement_timeout = 1", "lock_timeout = 1",
        "idle_in_transaction_session_timeout = 1", "timezone = 'Asia/Kathmandu'",
        "quote_all_identifiers = on", "row_security = off",
        "default_transaction_isolation = serializable"}) {
    INFO(setting);
    restricted.rows("ALTER DATABASE " + restricted.name() + " RESET ALL");
    restricted.rows("ALTER DATABASE " + restricted.name() + " SET " + setting);
    const Ended status = restricted.run({"status"});
    INFO(status.text());
    CHECK(status.status == 0);
    CHECK(status.err.empty());
  }
  // All that do not exclude each other, for workers and a search.
  restricted.rows("ALTER DATABASE " + restricted.name() + " RESET ALL");
  for (const char* setting :
       {"search_path = ''", "bytea_output = escape", "standard_conforming_strings = off",
        "array_nulls = off", "datestyle = 'German'", "intervalstyle = 'iso_8601'",
        "extra_float_digits = -15", "lock_timeout = 1",
        "default_transaction_isolation = serializable"})
    restricted.rows("ALTER DATABASE " + restricted.name() + " SET " + setting);
  restricted.check_works();
}

TEST_CASE("database: functions of another's under names of PostgreSQL's -> not called",
          "[shallow]") {
  const Restricted restricted;
  restricted.rows("CREATE EXTENSION vector");
  restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
  restricted.rows(
      "CREATE SCHEMA shadow; GRANT USAGE ON SCHEMA shadow TO PUBLIC;"
      "CREATE FUNCTION shadow.pg_advisory_lock(int, int) RETURNS void LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE 'shadow'; END $$;"
      "CREATE FUNCTION shadow.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE 'shadow'; END $$;"
      "CREATE FUNCTION shadow.current_database() RETURNS text LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE 'shadow'; END $$");
  restricted.rows("ALTER DATABASE " + restricted.name() + " SET search_path = shadow, pg_catalog");
  restricted.check_works();
}

TEST_CASE("pgvector: missing, and the role may not create it -> the statements, which work",
          "[shallow]") {
  const Restricted restricted;
  SECTION("everything else is there") {
    restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
    restricted.check_remedy("CREATE EXTENSION vector;");
  }
  SECTION("nothing else is there") { restricted.check_remedy("GRANT CREATE ON DATABASE "); }
  SECTION("the database searches no schema") {
    restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
    restricted.rows("ALTER DATABASE " + restricted.name() + " SET search_path = nowhere");
    restricted.check_remedy("CREATE EXTENSION vector SCHEMA public;");
  }
  SECTION("public is closed") {
    restricted.rows("REVOKE ALL ON SCHEMA public FROM PUBLIC");
    restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
    restricted.check_remedy("CREATE EXTENSION vector; GRANT USAGE ON SCHEMA public TO ");
  }
  SECTION("public is gone, and our schema may be made") {
    restricted.rows("DROP SCHEMA public");
    restricted.rows("GRANT CREATE ON DATABASE " + restricted.name() + " TO " + Restricted::role());
    restricted.check_remedy("CREATE SCHEMA forkdex AUTHORIZATION ");
  }
  SECTION("public is gone, and nothing may be made") {
    restricted.rows("DROP SCHEMA public");
    restricted.check_remedy("CREATE SCHEMA forkdex AUTHORIZATION ");
  }
  SECTION("our schema is another's, empty, and may be used") {
    restricted.rows("CREATE SCHEMA forkdex");
    restricted.rows("GRANT USAGE ON SCHEMA forkdex TO " + Restricted::role());
    restricted.check_remedy("GRANT CREATE ON SCHEMA forkdex TO ");
  }
  SECTION("public is gone, and our schema is there") {
    restricted.rows("DROP SCHEMA public");
    restricted.rows("CREATE SCHEMA forkdex AUTHORIZATION " + Restricted::role());
    restricted.check_remedy("CREATE EXTENSION vector SCHEMA forkdex;");
  }
}

TEST_CASE("database: the role may not make or use what it needs -> the statements, which work",
          "[shallow]") {
  const Restricted restricted;
  SECTION("no schema may be made") {
    restricted.rows("CREATE EXTENSION vector");
    restricted.check_remedy("GRANT CREATE ON DATABASE ");
  }
  SECTION("public is closed") {
    restricted.rows("CREATE EXTENSION vector; REVOKE ALL ON SCHEMA public FROM PUBLIC");
    restricted.check_remedy("GRANT CREATE ON DATABASE ");
  }
  SECTION("our schema is another's, and empty") {
    restricted.rows("CREATE EXTENSION vector; CREATE SCHEMA forkdex");
    restricted.check_remedy("GRANT USAGE, CREATE ON SCHEMA forkdex TO ");
  }
  SECTION("our schema is another's, empty, and may be used") {
    restricted.rows("CREATE EXTENSION vector; CREATE SCHEMA forkdex");
    restricted.rows("GRANT USAGE ON SCHEMA forkdex TO " + Restricted::role());
    restricted.check_remedy("GRANT CREATE ON SCHEMA forkdex TO ");
  }
  SECTION("our schema and its tables are another's") {
    Command other = supervisor_command({"status", "--database-url", restricted.database.url()});
    REQUIRE(run(other).status == 0);
    restricted.check_remedy("GRANT USAGE, CREATE ON SCHEMA forkdex TO ");
  }
  SECTION("the tables of our schema are another's") {
    Command other = supervisor_command({"status", "--database-url", restricted.database.url()});
    REQUIRE(run(other).status == 0);
    restricted.rows("GRANT USAGE ON SCHEMA forkdex TO " + Restricted::role());
    restricted.check_remedy(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA forkdex ");
  }
}

TEST_CASE("pgvector: public is gone, and the role may make everything -> it works", "[shallow]") {
  const Restricted restricted;
  restricted.rows("DROP SCHEMA public");
  const std::string role = Restricted::role();
  restricted.rows("ALTER ROLE " + role + " SUPERUSER");
  restricted.check_works();
  restricted.rows("ALTER ROLE " + role + " NOSUPERUSER");
}

}  // namespace
}  // namespace forkdex::test
