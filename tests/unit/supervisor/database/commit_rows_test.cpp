#include "supervisor/database/commit_rows.h"

#include <catch2/catch.hpp>
#include <string>

#include "supervisor/database/repositories.h"
#include "tests/unit/supervisor/database/ledger_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::count;
using test::fresh_database;
using test::text_of;

Commit commit(char digit) {
  Commit commit;
  commit.id = *object_id(std::string(40, digit));
  commit.author = "Ann Author <ann@example.org>";
  commit.message = "Say something";
  return commit;
}

Result<bool> settle(CommitRows& rows, const WalkedHistory& before, char head) {
  return rows.settle(before, {std::string(40, head),
                              "scope",
                              [](std::uint32_t&) { return std::optional<LastCommit>(); },
                              {}});
}

TEST_CASE("commit rows: a walk settles for all only where nobody wrote beside it", "[postgres]") {
  const std::string url = fresh_database("commit_rows_beside");
  PgConnection mine = connect(url);
  PgConnection beside = connect(url);
  const auto id = find_or_add_repository(mine, {"repo", "/src/repo", {}, {}});
  REQUIRE(id.ok());
  CommitRows rows(mine, *id);
  CommitRows others(beside, *id);
  auto before = rows.walked();
  REQUIRE(before.ok());
  REQUIRE(others.walked().ok());
  REQUIRE(text_of(rows.add(commit('a'))) == "");
  REQUIRE(text_of(rows.flush()) == "");
  const auto write_beside = [&] {
    REQUIRE(text_of(others.add(commit('b'))) == "");
    REQUIRE(text_of(others.flush()) == "");
  };
  const auto unsettled = [&] { return rows.walked()->unsettled; };
  SECTION("alone") {
    REQUIRE(*settle(rows, *before, 'a'));
    CHECK_FALSE(unsettled());
    SECTION("and one writes later") {
      write_beside();
      CHECK(unsettled());
    }
  }
  SECTION("beside another, which then dies") {
    write_beside();
    REQUIRE(*settle(rows, *before, 'a'));
    CHECK(unsettled());
    before = rows.walked();  // the next walk sees all there is
    REQUIRE(*settle(rows, *before, 'a'));
    CHECK_FALSE(unsettled());
  }
  SECTION("where the history is gone") {
    write_beside();
    REQUIRE(text_of(rows.clear()) == "");
    CHECK_FALSE(unsettled());
    CHECK(count(mine, "commits") == 0);
  }
}

}  // namespace
}  // namespace forkdex
