// Files of which a grammar can read only a part: their rows and reports say so.

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

TEST_CASE("partly parsed: a run counts the files, and their rows name the lines", "[shallow]") {
  const TemporaryFolder folder;
  folder.write("broken.ts",
               "export function before() {\n  return 1;\n}\n"
               "%%% no code %%% at all %%%\n%%% nor here %%%\n"
               "export function after() {\n  return 2;\n}\n");
  folder.write("whole.ts", "export function whole() {\n  return 3;\n}\n");
  const Database database;
  const auto run = [&] {
    IndexRun done = index(folder.path(), database, {"--repository", "r"});
    INFO(done.ended.text());
    CHECK(done.ended.status == 0);
    return done;
  };
  const auto row = [&](const std::string& column) {
    return database.value("SELECT coalesce(" + column +
                          ", '') FROM forkdex.files WHERE path = 'broken.ts'");
  };
  const IndexRun first = run();
  CHECK(files_in(first.report, "indexed") == 2);
  CHECK(first.report["partly_parsed"] == 1);
  CHECK(row("state") == "indexed");
  CHECK(row("reason") == "partly_parsed");
  CHECK(row("detail") == "not parsed: lines 4-5");
  CHECK(database.value("SELECT string_agg(name, ' ' ORDER BY ordinal) FROM forkdex.chunks WHERE "
                       "path = 'broken.ts' AND name <> ''") == "before after");

  const IndexRun unchanged = run();
  CHECK(files_in(unchanged.report, "unchanged") == 2);
  CHECK(unchanged.report["partly_parsed"] == 1);

  folder.write("broken.ts", "export function before() {\n  return 1;\n}\n");
  const IndexRun mended = run();
  CHECK(mended.report["partly_parsed"] == 0);
  CHECK(row("reason").empty());
  CHECK(row("detail").empty());
}

}  // namespace
}  // namespace forkdex::test
