// Files whose content is meant to hurt: each ends in its state, in bounded time and memory, and
// costs its neighbours nothing.

#include <catch2/catch.hpp>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/file_states.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

using Strings = std::vector<std::string>;
using States = std::map<std::string, std::string>;

constexpr long kMebibyte = 1 << 20;

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// `text` on lines of a hundred repetitions.
std::string in_lines(const std::string& text, std::size_t times) {
  return repeated(repeated(text, 100) + '\n', times / 100);
}

/// As bundlers write it, without an end of line.
std::string minified(std::size_t bytes) {
  const std::string part = "!function(e,t){return e&&n(e)?t:[1,\"x\"].map(r=>({k:r}))}(a,b),";
  return repeated(part, bytes / part.size() + 1).substr(0, bytes);
}

std::string utf16(const std::string& ascii, bool little_endian, bool marked) {
  std::string text = !marked ? "" : little_endian ? "\xFF\xFE" : "\xFE\xFF";
  for (const char c : ascii) text += little_endian ? std::string{c, '\0'} : std::string{'\0', c};
  return text;
}

/// A folder in which each file is to end in a state.
struct Tree : TemporaryFolder {
  States expected;

  Tree() {
    add("a_neighbour.py", "def first():\n    return 'a'\n", "indexed");
    add("m_neighbour.ts", "export function middle() {\n  return 'm';\n}\n", "indexed");
    add("z_neighbour.txt", "the last one\n", "indexed");
  }
  void add(const std::string& name, const std::string& bytes, const std::string& state) {
    write(name, bytes);
    expected[name] = state;
  }
};

/// Indexes `tree` with one worker and checks what holds whatever is in it.
IndexRun index_tree(const Tree& tree, const Database& database, Strings options = {}) {
  options.insert(options.end(), {"--workers", "1"});
  IndexRun run = index(tree.path(), database, options);
  INFO(run.ended.text());
  REQUIRE(run.report.is_object());
  CHECK(run.report.at("status") == "complete");
  CHECK(contradictions(run.report, database) == Strings());
  const auto& workers = run.report.at("workers");  // no file costs one
  CHECK(workers.at("started").get<int>() == workers.at("recycled").get<int>() + 1);
  CHECK(file_states(database) == tree.expected);
  return run;
}

TEST_CASE("hostile content: every encoding ends in a state that says so") {
  const std::string code = "def f():\n    return 'caf\xE9'\n";
  const std::string ascii = "def g():\n    return 1\n";
  Tree tree;
  tree.add("latin1.py", code, "indexed (decoded as Latin-1)");
  tree.add("invalid.py", ascii + "# \xC3\x28 \xED\xA0\x80 \xF5\n", "indexed (decoded as Latin-1)");
  tree.add("nul.py", ascii + std::string(1, '\0') + ascii, "skipped: binary");
  tree.add("little.py", utf16(ascii, true, true), "indexed (decoded as UTF-16)");
  tree.add("big.py", utf16(ascii, false, true), "indexed (decoded as UTF-16)");
  tree.add("unmarked_little.py", utf16(ascii, true, false), "skipped: binary");
  tree.add("unmarked_big.py", utf16(ascii, false, false), "skipped: binary");
  tree.add("odd.py", utf16(ascii, true, true) + "x", "failed: encoding");
  tree.add("lone_surrogate.py", std::string("\xFF\xFE\x00\xD8x\x00", 6), "failed: encoding");
  tree.add("mark_only.py", "\xEF\xBB\xBF", "empty");
  tree.add("wide_mark_only.py", "\xFF\xFE", "empty (decoded as UTF-16)");
  tree.add("nothing.py", "", "empty");
  tree.add("blank.py", " \t\r\n\n", "empty");
  tree.add("returns.py", "def f():\r\n    return 1\r\n\r\n\r\ndef g():\r\n    return 2\r\n",
           "indexed");
  tree.add("lone_returns.txt", repeated("an old line\r", 5'000), "indexed");
  const Database database;
  const IndexRun run = index_tree(tree, database);
  CHECK(run.ended.status == 1);
  CHECK(files_in(run.report, "failed") == 2);
  CHECK(run.report.at("problems").size() == 2);
  CHECK(database.value("SELECT source FROM forkdex.chunks WHERE path = 'latin1.py'") ==
        "def f():\n    return 'caf\u00e9'");
  CHECK(database.value("SELECT string_agg(start_line || '-' || end_line, ' ' ORDER BY ordinal) "
                       "FROM forkdex.chunks WHERE path = 'returns.py'") == "1-2 5-6");
  CHECK(database.value("SELECT source FROM forkdex.chunks WHERE path = 'little.py'") ==
        database.value("SELECT source FROM forkdex.chunks WHERE path = 'big.py'"));

  // What failed is tried again, and nothing else is.
  const IndexRun again = index_tree(tree, database);
  CHECK(again.ended.status == 1);
  CHECK(files_in(again.report, "indexed") + files_in(again.report, "empty") == 0);
  CHECK(again.report.at("chunks").at("written") == 0);
}

TEST_CASE("hostile content: what no person wrote is skipped as generated") {
  Tree tree;
  tree.add("bundle.min.js", minified(4'000'000), "skipped: generated");
  tree.add("brackets.js", repeated("[", 1'000'000) + repeated("]", 1'000'000),
           "skipped: generated");
  tree.add("literal.py",
           "def f():\n    return 1\n\nDATA = \"" + repeated("ab1+/ ", 1'600'000) + "\"\n",
           "skipped: generated");
  tree.add("long_lines.csv", repeated(repeated("1,", 550) + "\n", 100), "skipped: generated");
  tree.add("shorter_lines.csv", repeated(repeated("1,", 450) + "\n", 100), "indexed");
  // Cut off in the middle of its one statement.
  tree.add("small.min.js", minified(20'000), "indexed: partly_parsed (not parsed: line 1)");
  tree.add("huge.min.js", minified(50'000'000), "skipped: too_large");
  const Database database;
  const IndexRun run = index_tree(tree, database);
  CHECK(run.ended.status == 0);
  CHECK(run.ended.elapsed.count() < 60);
  CHECK(database.value("SELECT detail FROM forkdex.files WHERE path = 'bundle.min.js'") ==
        "its lines have 4000000 characters on average, more than 1000");

  // With room for it, 50 MB on one line are read once and refused.
  tree.expected["huge.min.js"] = "skipped: generated";
  const IndexRun raised = index_tree(tree, database, {"--max-file-size", "100MiB"});
  CHECK(raised.ended.status == 0);
  CHECK(raised.ended.elapsed.count() < 60);
  CHECK(raised.report.at("memory").at("workers_peak_pss_bytes").get<long>() < 512 * kMebibyte);
  CHECK(raised.report.at("chunks").at("embedded") == 0);
}

TEST_CASE("hostile content: a million nested brackets are indexed, whatever the language") {
  Tree tree;
  tree.add("open.js", in_lines("[", 1'000'000), "");
  tree.add("closed.js", in_lines("[", 1'000'000) + in_lines("]", 1'000'000), "indexed");
  tree.add("closed.ts", in_lines("{", 1'000'000) + in_lines("}", 1'000'000), "indexed");
  tree.add("closed.py", "x = " + in_lines("(", 1'000'000) + in_lines(")", 1'000'000), "indexed");
  tree.expected["open.js"] = "indexed (not the language its name says, cut by lines)";
  const Database database;
  const IndexRun run = index_tree(tree, database);
  CHECK(run.ended.status == 0);
  CHECK(run.report.at("seconds").at("worker_parse").get<double>() < 60);
  CHECK(run.report.at("memory").at("workers_peak_pss_bytes").get<long>() < 1536 * kMebibyte);
}

TEST_CASE("hostile content: what is long and repeats itself is read in linear time") {
  Tree tree;
  const std::string by_lines = "indexed (too large to parse, cut by lines)";
  tree.add("comments.py", repeated("# a\n", 900'000) + "def f():\n    pass\n", "indexed");
  tree.add("decorators.py", repeated("@a\n", 900'000) + "def f():\n    pass\n", "indexed");
  tree.add("definitions.py", repeated("def f(): pass\n", 100'000), "indexed");
  tree.add("literal.js",
           "x = \"" + std::string(8'000'000, 'x') + "\";\n" + repeated("f();\n", 9'000), by_lines);
  tree.add("words.txt", repeated("one two three four five six seven\n", 290'000), "indexed");
  const Database database;
  const IndexRun run = index_tree(tree, database);
  CHECK(run.ended.status == 0);
  CHECK(run.report.at("seconds").at("worker_parse").get<double>() < 60);
  CHECK(run.report.at("memory").at("workers_peak_pss_bytes").get<long>() < 1024 * kMebibyte);
}

TEST_CASE("hostile content: a file of very many texts keeps what was embedded when its worker dies",
          "[kill]") {
  constexpr long kFunctions = 6'000;
  Tree tree;
  std::string code;
  for (long i = 0; i < kFunctions; ++i) code += "def f" + std::to_string(i) + "(): pass\n";
  tree.add("many.py", code, "indexed");
  const Database database;
  const TemporaryFolder folder;
  Program program(index_command(tree.path(), database, folder / "report.json", {"--workers", "1"}));
  std::string stored;
  wait_until(
      "some vectors are stored",
      [&] {
        stored = database.value("SELECT to_regclass('forkdex.vectors') IS NOT NULL") == "t"
                     ? database.value("SELECT count(*) FROM forkdex.vectors")
                     : "0";
        return std::stol(stored) >= kFunctions / 4 || !program.running();
      },
      [&] { return stored + " stored\n" + program.err(); }, std::chrono::seconds(120));
  CHECK(file_states(database) == tree.expected);  // whole before the first vector
  for (const int worker : descendants_named(program.pid(), "worker")) ::kill(worker, SIGKILL);
  const Ended ended = program.wait(std::chrono::seconds(120));
  INFO(ended.text());
  CHECK(ended.status == 0);
  const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
  CHECK(contradictions(report, database) == Strings());
  CHECK(file_states(database) == tree.expected);
  CHECK(report.at("workers").at("started") == 3);  // one read, two embedded
  // What the dead worker had stored and not said was not embedded again.
  const long texts = report.at("texts").at("total").get<long>();
  CHECK(texts >= 2 * kFunctions);
  CHECK(report.at("chunks").at("embedded").get<long>() >= texts - 192);
  CHECK(report.at("chunks").at("embedded").get<long>() <= texts);
  CHECK(database.value("SELECT chunk_count FROM forkdex.files WHERE path = 'many.py'") ==
        std::to_string(kFunctions));
}

TEST_CASE("hostile content: a text that does not parse in time has failed, and costs no worker") {
  // Error recovery tries so many ways through this that it takes minutes.
  Tree tree;
  tree.add("noise.js", repeated("@ # ` \\ \n", 300'000), "failed: parse");
  const Database database;
  const IndexRun run = index_tree(tree, database, {"--file-timeout", "8"});
  CHECK(run.ended.status == 1);
  CHECK(run.ended.elapsed.count() < 60);
  CHECK(run.report.at("problems").at(0).at("attempts") == 1);
  const std::string detail = run.report.at("problems").at(0).at("detail").get<std::string>();
  CHECK(detail.find("did not parse within its deadline of 4 s") != std::string::npos);
}

}  // namespace
}  // namespace forkdex::test
