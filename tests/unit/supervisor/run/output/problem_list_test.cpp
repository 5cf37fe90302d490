#include "supervisor/run/output/problem_list.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;

Ledger begin_run(PgConnection& connection) {
  ModelFolder model;
  model.name = "small";
  model.architecture = "bert";
  model.dimension = 4;
  auto ledger = Ledger::open(connection, {"repo", "/src/repo", {}, {}}, {model, {}});
  if (!ledger) throw std::runtime_error(ledger.error().text());
  return std::move(*ledger);
}

void refuse(Ledger& ledger, const std::string& path, FileState state, const std::string& reason,
            const std::string& detail = "") {
  FileRecord file;
  file.path = path;
  file.verdict.state = state;
  file.verdict.reason = reason;
  file.verdict.detail = detail;
  file.verdict.attempts = 2;
  REQUIRE(ledger.record(std::move(file)).ok());
}

nlohmann::json elements(const ProblemList& problems) {
  std::string text = "[";
  CHECK(problems
            .for_each_piece([&](std::string_view piece) {
              text += piece;
              return Result<void>();
            })
            .ok());
  return nlohmann::json::parse(text + "]");
}

}  // namespace

TEST_CASE("problems: are those of the run, and what stands from earlier ones", "[postgres]") {
  PgConnection connection = connect(fresh_database("problems"));
  {
    Ledger earlier = begin_run(connection);
    refuse(earlier, "not reached since.ts", FileState::kFailed, "encoding");
    refuse(earlier, "crashes.ts", FileState::kQuarantined, "crashed");
    refuse(earlier, "shut/", FileState::kFailed, "unreadable");
    refuse(earlier, "mended.ts", FileState::kFailed, "parse");
    REQUIRE(earlier.flush().ok());
  }
  Ledger ledger = begin_run(connection);
  refuse(ledger, "a.bin", FileState::kSkipped, "binary");
  refuse(ledger, "mended.ts", FileState::kSkipped, "generated");
  refuse(ledger, "b\t\"\\\n\xff.ts", FileState::kFailed, "encoding", "it says \"\\ \n\x01\xfe");
  RunScope everything;
  const auto problems = ProblemList::read(ledger, everything);
  REQUIRE(problems.ok());
  const nlohmann::json listed = elements(*problems);
  REQUIRE(listed.size() == 3);
  CHECK(listed[0] == nlohmann::json{{"path", "b\t\"\\\\\n\\xff.ts"},
                                    {"state", "failed"},
                                    {"reason", "encoding"},
                                    {"detail", "it says \"\\\\ \n\x01\\xfe"},
                                    {"attempts", 2}});
  CHECK(listed[1]["path"] == "crashes.ts");
  CHECK(listed[1]["state"] == "quarantined");
  CHECK(listed[2]["path"] == "shut/");
}

TEST_CASE("problems: a shard lists its own", "[postgres]") {
  PgConnection connection = connect(fresh_database("problems_shard"));
  Ledger ledger = begin_run(connection);
  for (int i = 0; i < 20; ++i)
    refuse(ledger, "file" + std::to_string(i), FileState::kFailed, "parse");
  std::size_t listed = 0;
  for (const char* shard : {"1/2", "2/2"}) {
    Settings settings;
    settings.shard = Shard::parse(shard);
    auto scope = RunScope::open(settings);
    REQUIRE(scope.ok());
    const auto problems = ProblemList::read(ledger, *scope);
    REQUIRE(problems.ok());
    for (const nlohmann::json& problem : elements(*problems)) {
      CHECK(scope->holds(problem["path"].get<std::string>()));
      ++listed;
    }
  }
  CHECK(listed == 20);
}

}  // namespace forkdex
