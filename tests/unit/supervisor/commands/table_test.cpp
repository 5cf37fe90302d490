#include "supervisor/commands/table.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "supervisor/commands/database_command.h"
#include "supervisor/commands/doctor.h"
#include "supervisor/commands/failures.h"
#include "supervisor/commands/index_command.h"
#include "supervisor/commands/remove_command.h"
#include "supervisor/commands/search_command.h"
#include "supervisor/commands/status.h"
#include "supervisor/settings/settings_table.h"

namespace forkdex {

TEST_CASE("command table: a subcommand's word -> the function of that name", "[commands]") {
  struct Row {
    std::string_view word;
    Command command;
  };
  const std::vector<Row> rows = {
      {"index", run_index},       {"search", run_search}, {"status", run_status},
      {"failures", run_failures}, {"remove", run_remove}, {"database", run_database},
      {"doctor", run_doctor},
  };
  REQUIRE(rows.size() == subcommand_table().size());
  for (const Row& row : rows) {
    INFO(row.word);
    const std::vector<std::string> words = {std::string(row.word), "--help"};
    const auto invocation = parse_invocation(words, {});
    REQUIRE(invocation.ok());
    CHECK(invocation->subcommand_named);
    CHECK(name(invocation->subcommand) == row.word);
    CHECK(command_of(invocation->subcommand) == row.command);
  }
}

TEST_CASE("command table: every row of the settings has a command of its own", "[commands]") {
  std::set<Command> commands;
  for (const SubcommandRow& row : subcommand_table()) {
    INFO(row.name);
    CHECK(name(row.subcommand) == row.name);
    CHECK(command_of(row.subcommand) != nullptr);
    commands.insert(command_of(row.subcommand));
  }
  CHECK(commands.size() == kSubcommandCount);
}

TEST_CASE("command table: a reserved word is no subcommand's name", "[commands]") {
  for (const std::string_view word : reserved_words()) {
    INFO(word);
    const auto rows = subcommand_table();
    CHECK(std::none_of(rows.begin(), rows.end(),
                       [&](const SubcommandRow& row) { return row.name == word; }));
  }
}

}  // namespace forkdex
