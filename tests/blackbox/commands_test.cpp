// The subcommands beside index, and a second index of the same folder.

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

/// A few files about different things.
struct Library : TemporaryFolder {
  Library() {
    write("time/duration.py",
          "def parse_duration(text):\n"
          "    \"\"\"Convert text such as '5m' or '2h' into seconds.\"\"\"\n"
          "    unit = text[-1]\n"
          "    return int(text[:-1]) * {'s': 1, 'm': 60, 'h': 3600}[unit]\n");
    write("net/retry.ts",
          "/** Calls a function again after a network error, waiting longer each time. */\n"
          "export async function retryWithBackoff<T>(call: () => Promise<T>): Promise<T> {\n"
          "  for (let wait = 100; ; wait *= 2) {\n"
          "    try { return await call(); } catch { await sleep(wait); }\n"
          "  }\n"
          "}\n");
    write("draw/circle.js",
          "// Paints a filled circle on a canvas.\n"
          "export const drawCircle = (context, x, y, radius) => {\n"
          "  context.arc(x, y, radius, 0, 2 * Math.PI);\n"
          "  context.fill();\n"
          "};\n");
    write("README.txt", "A library of unrelated things.\n");
  }
};

Ended with(const Database& database, std::vector<std::string> arguments) {
  Command command = supervisor_command(arguments);
  command.environment["DATABASE_URL"] = database.url();
  return run(command);
}

json search(const Database& database, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"search", "--json"});
  const Ended ended = with(database, arguments);
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  return json::parse(ended.out).at("results");
}

TEST_CASE("search: finds a function by what it does") {
  const Library library;
  const Database database;
  REQUIRE(index(library.path(), database, {"--repository", "library"}).ended.status == 0);

  const json found = search(database, {"turn a string like 10s into a number of seconds"});
  REQUIRE(!found.empty());
  CHECK(found[0].at("path") == "time/duration.py");
  CHECK(found[0].at("name") == "parse_duration");
  CHECK(found[0].at("kind") == "function");
  CHECK(found[0].at("start_line") == 1);
  CHECK(found[0].at("end_line") == 4);
  CHECK(found[0].at("definition_line") == 1);
  CHECK(found[0].at("repository") == "library");
  for (std::size_t i = 1; i < found.size(); ++i) {
    CHECK(found[i - 1].at("score").get<double>() >= found[i].at("score").get<double>());
  }
  CHECK(search(database, {"try a request again when the connection fails"})[0].at("name") ==
        "retryWithBackoff");
  CHECK(search(database, {"draw a round shape"})[0].at("name") == "drawCircle");

  const Ended text = with(database, {"search", "convert text to seconds"});
  INFO(text.text());
  CHECK(text.status == 0);
  CHECK(text.out.find("time/duration.py:1") != std::string::npos);
}

TEST_CASE("search: narrows by language, path, kind, repository and limit") {
  const Library library;
  const Database database;
  REQUIRE(index(library.path(), database, {"--repository", "library"}).ended.status == 0);
  const std::string query = "convert text to seconds";
  for (const json& result : search(database, {"--language", "typescript", query})) {
    CHECK(result.at("path") == "net/retry.ts");
  }
  const json by_path = search(database, {"--path", "draw/*", query});
  REQUIRE(!by_path.empty());
  for (const json& result : by_path) CHECK(result.at("path") == "draw/circle.js");
  const json by_kind = search(database, {"--kind", "function", query});
  REQUIRE(!by_kind.empty());
  for (const json& result : by_kind) CHECK(result.at("kind") == "function");
  CHECK(search(database, {"--limit", "2", query}).size() == 2);
  CHECK(search(database, {"--repository", "library", query}).size() >= 3);
  CHECK(search(database, {"--language", "rust", query}) == json::array());
}

TEST_CASE("index: a second run finds everything unchanged and embeds nothing") {
  const Library library;
  const Database database;
  const IndexRun first = index(library.path(), database, {"--repository", "library"});
  INFO(first.ended.text());
  REQUIRE(first.ended.status == 0);
  CHECK(files_in(first.report, "indexed") == 4);
  CHECK(first.report.at("chunks").at("embedded").get<int>() > 0);
  CHECK(contradictions(first.report, database).empty());
  const Dump before = dump(database, "library");

  const IndexRun second = index(library.path(), database, {"--repository", "library"});
  INFO(second.ended.text());
  REQUIRE(second.ended.status == 0);
  CHECK(files_in(second.report, "unchanged") == 4);
  CHECK(files_in(second.report, "total") == 4);
  CHECK(second.report.at("chunks").at("written") == 0);
  CHECK(second.report.at("chunks").at("embedded") == 0);
  CHECK(contradictions(second.report, database).empty());
  CHECK(differences(before, dump(database, "library")).empty());
}

TEST_CASE("index: what changed, came, went or stays is told apart") {
  const Library library;
  const Database database;
  REQUIRE(index(library.path(), database, {"--repository", "library"}).ended.status == 0);
  library.write("time/duration.py", "def parse_duration(text):\n    return float(text)\n");
  library.write("net/copy.ts", read_file(library / "net/retry.ts"));
  fs::remove(library / "draw/circle.js");

  const IndexRun run = index(library.path(), database, {"--repository", "library"});
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(files_in(run.report, "indexed") == 2);
  CHECK(files_in(run.report, "unchanged") == 2);
  CHECK(files_in(run.report, "removed") == 1);
  CHECK(files_in(run.report, "total") == 4);
  CHECK(run.report.at("chunks").at("reused").get<int>() > 0);  // the copy's code was known
  CHECK(contradictions(run.report, database).empty());
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE path = 'draw/circle.js'") == "0");
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE path = 'draw/circle.js'") == "0");
}

TEST_CASE("index: --full rewrites every file and reuses what is embedded") {
  const Library library;
  const Database database;
  REQUIRE(index(library.path(), database, {"--repository", "library"}).ended.status == 0);
  const Dump before = dump(database, "library");
  const IndexRun run = index(library.path(), database, {"--repository", "library", "--full"});
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(files_in(run.report, "indexed") == 4);
  CHECK(run.report.at("chunks").at("embedded") == 0);
  CHECK(run.report.at("chunks").at("reused").get<int>() > 0);
  CHECK(differences(before, dump(database, "library")).empty());
}

TEST_CASE("index: a name that is taken by another root is refused") {
  const Library first;
  const Library second;
  const Database database;
  REQUIRE(index(first.path(), database, {"--repository", "library"}).ended.status == 0);
  const Dump before = dump(database, "library");
  const Ended refused = index(second.path(), database, {"--repository", "library"}).ended;
  INFO(refused.text());
  CHECK(refused.status == 64);
  CHECK(refused.err.find("library is already") != std::string::npos);
  CHECK(refused.err.find("--repository") != std::string::npos);
  CHECK(differences(before, dump(database, "library")).empty());
}

TEST_CASE("index: a repository that moved, by its remote, says where it stood") {
  const TemporaryFolder folder;
  const auto git = [&](const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/git", "-C", (folder / name).string()});
    Command command;
    command.arguments = std::move(arguments);
    REQUIRE(run(command).status == 0);
  };
  for (const char* name : {"here", "there"}) {
    folder.write(std::string(name) + "/a.py", "def a():\n    return 1\n");
    git(name, {"init", "-q"});
    git(name, {"remote", "add", "origin", "https://example.org/a.git"});
  }
  const Database database;
  const IndexRun first = index(folder / "here", database, {"--repository", "a"});
  CHECK(first.ended.out.find("moved") == std::string::npos);
  const IndexRun second = index(folder / "there", database, {"--repository", "a"});
  INFO(second.ended.text());
  REQUIRE(second.ended.status == 0);
  CHECK(second.ended.out.find("a: moved here from " + (folder / "here").string() + "\n") !=
        std::string::npos);
  CHECK(files_in(second.report, "indexed") == 0);
}

TEST_CASE("index: a filter that leaves no file is warned of") {
  const TemporaryFolder tree;
  tree.write("a.py", "def a():\n    return 1\n");
  const Database database;
  const IndexRun narrowed = index(tree.path(), database, {"--languages", "javascript"});
  INFO(narrowed.ended.text());
  CHECK(narrowed.ended.status == 0);
  CHECK(narrowed.ended.err.find("leave none of 1 files") != std::string::npos);
}

TEST_CASE("index: --include, --exclude, --languages and --max-file-size decide what is indexed") {
  const Library library;
  library.write("net/big.ts", std::string(300'000, '/') + "\n");
  const Database database;
  const auto state_of = [&](const std::string& path) {
    const auto rows = database.rows(
        "SELECT state, coalesce(reason, '') FROM forkdex.files "
        "WHERE path = '" +
        path + "'");
    return rows.empty() ? std::string("absent") : rows[0][0] + " " + rows[0][1];
  };
  REQUIRE(index(library.path(), database, {"--repository", "l"}).ended.status == 0);
  CHECK(state_of("draw/circle.js") == "indexed ");

  const IndexRun run =
      index(library.path(), database,
            {"--repository", "l", "--exclude", "draw/*", "--max-file-size", "100KiB"});
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(state_of("draw/circle.js") == "skipped excluded");
  CHECK(state_of("net/big.ts") == "skipped too_large");
  CHECK(state_of("net/retry.ts") == "indexed ");
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE path = 'draw/circle.js'") == "0");
  CHECK(contradictions(run.report, database).empty());

  REQUIRE(index(library.path(), database, {"--repository", "l", "--languages", "python"})
              .ended.status == 0);
  CHECK(state_of("time/duration.py") == "indexed ");
  CHECK(state_of("net/retry.ts") == "skipped excluded");
}

TEST_CASE("status, failures and remove: tell and delete one repository's data") {
  const Library library;
  library.write("bad.ts", std::string("\xFF\xFE"
                                      "a\0b",
                                      5));
  const Database database;
  CHECK(index(library.path(), database, {"--repository", "library"}).ended.status == 1);
  const Library other;
  REQUIRE(index(other.path(), database, {"--repository", "other"}).ended.status == 0);

  const Ended all = with(database, {"status"});
  INFO(all.text());
  CHECK(all.status == 0);
  CHECK(all.out.find("library") != std::string::npos);
  CHECK(all.out.find("other") != std::string::npos);
  const Ended one = with(database, {"status", "other"});
  CHECK(one.status == 0);
  CHECK(one.out.find("other") != std::string::npos);
  CHECK(one.out.find("library") == std::string::npos);

  const Ended failures = with(database, {"failures", "library"});
  INFO(failures.text());
  CHECK(failures.status == 0);
  CHECK(failures.out.find("bad.ts") != std::string::npos);
  CHECK(failures.out.find("encoding") != std::string::npos);

  const Ended removed = with(database, {"remove", "library"});
  INFO(removed.text());
  CHECK(removed.status == 0);
  CHECK(database.value("SELECT string_agg(name, ',') FROM forkdex.repositories") == "other");
  CHECK(database.value("SELECT count(DISTINCT repository_id) FROM forkdex.chunks") == "1");
  CHECK(database.value("SELECT count(DISTINCT repository_id) FROM forkdex.files") == "1");
  for (const char* command : {"status", "failures", "remove"}) {
    const Ended unknown = with(database, {command, "library"});
    INFO(unknown.text());
    CHECK(unknown.status == 64);
    CHECK(unknown.err.find("library") != std::string::npos);
  }
}

TEST_CASE("help: answers on standard output") {
  const Ended help = supervisor({"--help"});
  INFO(help.text());
  CHECK(help.status == 0);
  CHECK(help.err.empty());
  for (const char* word : {"search", "status", "failures", "remove", "database", "doctor",
                           "--workers", "--database-url", "--report"}) {
    CHECK(help.out.find(word) != std::string::npos);
  }
  CHECK(help.out.find("graph callers") == std::string::npos);  // not built yet, so absent
  CHECK(supervisor({"search", "--help"}).out.find("--limit") != std::string::npos);
}

TEST_CASE("forkdex: a link of that name -> help and errors name forkdex, and the worker is found") {
  const Library library;
  const TemporaryFolder installed;
  fs::create_symlink(program_path("supervisor"), installed / "forkdex");
  const Database database;
  const auto forkdex = [&](std::vector<std::string> arguments) {
    Command command;
    command.arguments = std::move(arguments);
    command.arguments.insert(command.arguments.begin(), (installed / "forkdex").string());
    command.environment["DATABASE_URL"] = database.url();
    return run(command);
  };
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"--help"}, {"search", "--help"}}) {
    const Ended help = forkdex(asked);
    INFO(help.text());
    CHECK(help.status == 0);
    CHECK(help.out.find("Usage: forkdex ") != std::string::npos);
    CHECK(help.out.find("supervisor") == std::string::npos);
  }
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"search"},
                                                {"index", "--limit", "1", "."},
                                                {"status", "none"}}) {
    const Ended refused = forkdex(wrong);
    INFO(refused.text());
    CHECK(refused.status == 64);
    CHECK(refused.err.starts_with("forkdex: "));
    CHECK(refused.err.find("supervisor") == std::string::npos);
  }
  CHECK(forkdex({"status"}).out == "no repository is indexed yet: forkdex PATH\n");
  const Ended indexed = forkdex({library.path().string()});
  INFO(indexed.text());
  CHECK(indexed.status == 0);
}

TEST_CASE("version: names the commit that was built where git knows one") {
  Command git;
  git.arguments = {"/usr/bin/env", "git", "-C", source_folder().string(), "rev-parse", "HEAD"};
  const bool known = fs::exists(source_folder() / ".git") && run(git).status == 0;
  const std::string commit = known ? R"( \([0-9a-f]{7,40}(-dirty)?\))" : "";
  const Ended version = supervisor({"--version"});
  INFO(version.text());
  CHECK(std::regex_match(version.out, std::regex(R"(forkdex \d+\.\d+\.\d+)" + commit + "\n")));
}

TEST_CASE("doctor: says what the machine offers") {
  const Ended ended = supervisor({"doctor"});
  INFO(ended.text());
  CHECK(ended.status == 0);
  for (const char* word : {"cores", "memory", "database", "model"}) {
    CHECK(ended.out.find(word) != std::string::npos);
  }
}

}  // namespace
}  // namespace forkdex::test
