// Files whose names say no language: found by --languages and --language, and not opened twice.

#include <catch2/catch.hpp>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

void write_scripts(const TemporaryFolder& folder) {
  folder.write("bin/report",
               "#!/usr/bin/env python3\n\"\"\"Sends the report.\"\"\"\n\n\ndef collect_rows(day):\n"
               "    \"\"\"Gets a day's rows.\"\"\"\n    return []\n");
  folder.write("bin/shop",
               "#!/usr/bin/env -S node --no-warnings\n/** Starts the shop. */\n"
               "function startShop(port) {\n  return port;\n}\nstartShop(80);\n");
  folder.write("LICENSE", "Everybody may.\n");
  folder.write("a.py", "def named(): pass\n");
}

std::string paths(const Database& database, const std::string& where) {
  return database.value(
      "SELECT coalesce(string_agg(path || ' ' || coalesce(language, '-'), ', ' ORDER BY path), '') "
      "FROM forkdex.files WHERE " +
      where);
}

TEST_CASE("content language: --languages and --language find a script by its first line",
          "[shallow]") {
  const TemporaryFolder folder;
  write_scripts(folder);
  const Database database;
  const auto run = [&](const std::string& languages) {
    IndexRun done = index(folder.path(), database, {"--repository", "r", "--languages", languages});
    INFO(done.ended.text());
    CHECK(done.ended.status == 0);
    return done;
  };
  const IndexRun first = run("python");
  CHECK(files_in(first.report, "indexed") == 2);
  CHECK(files_in(first.report, "skipped") == 2);
  CHECK(paths(database, "state = 'indexed'") == "a.py python, bin/report python");
  CHECK(paths(database, "reason = 'excluded'") == "LICENSE text, bin/shop javascript");
  CHECK(database.value("SELECT docstring FROM forkdex.chunks WHERE name = 'collect_rows'") ==
        "Gets a day's rows.");

  // The rows say what the content is: no worker reads a file again.
  const IndexRun again = run("python");
  CHECK(files_in(again.report, "unchanged") == 2);
  CHECK(files_in(again.report, "skipped") == 2);
  CHECK(again.report["seconds"]["worker_read"] == 0);

  Command search =
      supervisor_command({"search", "--json", "--language", "python", "rows of a day"});
  search.environment["DATABASE_URL"] = database.url();
  const nlohmann::json hits = nlohmann::json::parse(test::run(search).out);
  CHECK(hits["results"].size() == 3);
  CHECK(hits["results"].dump().find("bin/report") != std::string::npos);

  const IndexRun turned = run("javascript");
  CHECK(paths(database, "state = 'indexed'") == "bin/shop javascript");
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE path = 'bin/report'") == "0");
  const IndexRun all = index(folder.path(), database, {"--repository", "r"});
  CHECK(all.ended.status == 0);
  CHECK(paths(database, "state = 'indexed'") ==
        "LICENSE text, a.py python, bin/report python, bin/shop javascript");
}

}  // namespace
}  // namespace forkdex::test
