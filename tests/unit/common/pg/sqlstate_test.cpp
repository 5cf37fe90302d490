#include "common/pg/sqlstate.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/pg/retry.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

/// Every SQLSTATE that the PostgreSQL we ship can send: the table its own server is built from.
std::vector<std::string> all_codes() {
  std::vector<std::string> codes;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(FORKDEX_DEPS_DIR) / "venv/lib",
                                        fs::directory_options::skip_permission_denied)) {
    if (entry.path().filename() != "errcodes.txt" ||
        entry.path().string().find("18") == std::string::npos)
      continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      const bool is_code = line.size() > 5 && line.find("ERRCODE_") != std::string::npos &&
                           line[0] != '#' && (line[5] == ' ' || line[5] == '\t');
      if (is_code) codes.push_back(line.substr(0, 5));
    }
  }
  return codes;
}

TEST_CASE("sqlstate: every code of the server we ship has its place") {
  const std::vector<std::string> codes = all_codes();
  CHECK(codes.size() > 200);
  for (const std::string& code : codes) {
    INFO(code);
    CHECK(find_sqlstate_rule(code).has_value());
  }
  CHECK_FALSE(find_sqlstate_rule("ZZ000"));
  CHECK(sqlstate_rule("ZZ000").code == ErrorCode::kDatabaseUnusable);
}

TEST_CASE("sqlstate: a code of its own outweighs its class") {
  CHECK(sqlstate_rule("22021").code == ErrorCode::kRowRefused);
  CHECK(sqlstate_rule("23505").code == ErrorCode::kRowRefused);
  CHECK(sqlstate_rule("54000").code == ErrorCode::kRowRefused);
  CHECK(sqlstate_rule("40P01").code == ErrorCode::kDatabaseBusy);
  CHECK(sqlstate_rule("40P01").passing);
  CHECK(sqlstate_rule("40002").code == ErrorCode::kRowRefused);
  CHECK(sqlstate_rule("40003").code == ErrorCode::kDatabaseLost);
  CHECK(sqlstate_rule("55P03").code == ErrorCode::kDatabaseBusy);
  CHECK_FALSE(sqlstate_rule("55P03").passing);
  CHECK(sqlstate_rule("57P01").code == ErrorCode::kDatabaseLost);
  CHECK(sqlstate_rule("57P04").code == ErrorCode::kDatabaseUnusable);
  CHECK(sqlstate_rule("53100").code == ErrorCode::kDiskFull);
  CHECK(sqlstate_rule("53300").code == ErrorCode::kTooManyConnections);
  CHECK(sqlstate_rule("42P01").code == ErrorCode::kDatabaseUnusable);
}

TEST_CASE("sqlstate: a failed transaction is run again a few times, a wrong one never",
          "[postgres]") {
  PgConnection connection = test::connect(test::fresh_database("sqlstate_retry"));
  const auto fail = [&](const std::string& state) {
    REQUIRE_FALSE(connection.run("BEGIN; DO $$ BEGIN RAISE SQLSTATE '" + state + "'; END $$"));
  };
  fail("40001");
  CHECK(try_again(connection, 1));
  CHECK(connection.run("SELECT 1").ok());  // outside the failed transaction
  fail("40001");
  CHECK_FALSE(try_again(connection, kMostTries));
  fail("42P01");
  CHECK_FALSE(try_again(connection, 1));
  CHECK(connection.run("SELECT 1").ok());
}

}  // namespace
}  // namespace forkdex
