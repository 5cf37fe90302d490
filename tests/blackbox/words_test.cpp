// Search by words: what is found, by which words, with which options; and runs that embed nothing.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/blackbox/words_fixture.h"
#include "tests/support/git_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

const Strings kNoHits;

/// A few files in three languages, committed.
struct Tree {
  Tree() {
    folder.write("src/shopping/cart.py",
                 "class ShoppingCart:\n    \"\"\"Keeps articles until the customer pays.\"\"\"\n\n"
                 "    def addArticle(self, number):\n"
                 "        \"\"\"Puts marmalade into the basket.\"\"\"\n"
                 "        return self.parseHTTPHeader2(number)\n\n"
                 "    def parseHTTPHeader2(self, number):\n"
                 "        # Ziegenkäse aus 東京都\n        return 'quo\\\\te' + \"it's\"\n");
    folder.write("lib/sums.ts",
                 "/** Sums two figures. */\nexport function plus_two(a, b) { return a; }\n");
    folder.write("README.md", "# Installing\n\nRun the quickstart, says Élise.\n");
    folder.commit("Open the shop", 0);
  }
  GitFolder folder;
};

TEST_CASE("words: a definition is found by its name, a part of it, its docstring and its path") {
  const Tree tree;
  const Database database;
  const IndexRun run = index_words(tree.folder.path(), database);
  CHECK(files_in(run.report, "indexed") == 3);
  CHECK(run.report.at("chunks").at("embedded") == 0);
  CHECK(run.report.at("chunks").at("reused") == 0);
  CHECK(run.report.at("status") == "partial");
  CHECK(run.report.at("texts").at("missing") == run.report.at("texts").at("total"));
  CHECK(count_rows(database, "vectors") == 0);
  const auto expect_first = [&](const std::string& place, const Strings& queries) {
    for (const std::string& query : queries) {
      INFO(query);
      CHECK(words_hits(database, {"--limit", "1", query}) == Strings{place});
    }
  };
  expect_first("src/shopping/cart.py:4",
               {"addArticle", "ADDARTICLE", "addarticle", "add", "article", "marmalade",
                "where is marmalade put", "\"addArticle\"", "self.addArticle()"});
  expect_first("src/shopping/cart.py:8",
               {"parseHTTPHeader2", "parse http header", "Ziegenkäse", "ZIEGENKÄSE", "東京", "京都",
                "東京都", "it's", "quo\\te"});
  expect_first("src/shopping/cart.py:1", {"ShoppingCart", "shopping cart", "the customer pays"});
  expect_first("lib/sums.ts:2", {"plus_two", "plus", "figures", "sums", "lib", "lib/sums.ts"});
  expect_first("README.md:1", {"quickstart", "Installing", "élise", "ÉLISE", "readme"});
}

TEST_CASE("words: filters narrow the results, and JSON has the keys of the contract") {
  const Tree tree;
  const Database database;
  index_words(tree.folder.path(), database);
  const auto results = words_results(database, {"--limit", "1", "marmalade"});
  REQUIRE(results.size() == 1);
  for (const char* key : {"path", "name", "kind", "start_line", "end_line", "definition_line",
                          "score", "repository"}) {
    INFO(key);
    CHECK(results[0].contains(key));
  }
  CHECK(results[0].at("name") == "addArticle");
  CHECK(results[0].at("kind") == "method");
  CHECK(results[0].at("end_line") == 6);
  CHECK(results[0].at("repository") == "r");
  CHECK(results[0].at("score").get<double>() > 0);

  const auto hits = [&](Strings options) {
    options.push_back("marmalade figures quickstart cart");
    Strings found = words_hits(database, options);
    std::sort(found.begin(), found.end());
    return found;
  };
  const Strings python = {"src/shopping/cart.py:1", "src/shopping/cart.py:4",
                          "src/shopping/cart.py:8"};
  CHECK(hits({}).size() == 5);
  CHECK(hits({"--limit", "2"}).size() == 2);
  CHECK(hits({"--language", "python"}) == python);
  CHECK(hits({"--path", "src/**"}) == python);
  CHECK(hits({"--path", "*.ts"}) == Strings{"lib/sums.ts:2"});
  CHECK(hits({"--kind", "class"}) == Strings{"src/shopping/cart.py:1"});
  CHECK(hits({"--repository", "r", "--language", "markdown"}) == Strings{"README.md:1"});
  CHECK(hits({"--kind", "method", "--language", "typescript"}) == kNoHits);
  CHECK(words_hits(database, {"nothinghasthisword"}) == kNoHits);
}

TEST_CASE("words: any query is answered, or refused in one sentence") {
  const Tree tree;
  const Database database;
  index_words(tree.folder.path(), database);
  std::string many;
  for (int i = 0; i < 900; ++i) many += "w" + std::to_string(i) + " ";
  for (const std::string& query :
       Strings{"'; DROP TABLE forkdex.chunks; --", "''''", "\"", "\\", "\\'", "& | ! <-> :* ( )",
               "!q:* & !", "😀 👩‍👩‍👧", "%q%z\t\n\x01\x7f", "   ",
               std::string(4000, 'a'), std::string(4000, '\''), std::string(4000, '$'), many,
               "\u0301\u200d\ufffd", "--words"}) {
    INFO(query);
    CHECK(words_hits(database, {"--", query}) == kNoHits);
  }
  // Operators and quotes are no words; the words between them count.
  for (const std::string& query :
       Strings{"!marmalade", "'marmalade'", "marmalade:*", "x|marmalade&y", "😀marmalade",
               "marmalade\n", "marmalade'; DROP TABLE forkdex.chunks; --"}) {
    INFO(query);
    CHECK(words_hits(database, {query}) == Strings{"src/shopping/cart.py:4"});
  }
  CHECK(count_rows(database, "chunks") > 0);
  for (const Strings& refused : std::vector<Strings>{{"--kind", "commit", "shop"},
                                                     {""},
                                                     {"\xff\xfe"},
                                                     {"--repository", "none", "shop"},
                                                     {"--limit", "0", "shop"},
                                                     {"--language", "klingon!", "shop"},
                                                     {}}) {
    const Ended ended = run(words_command(database, refused));
    INFO(ended.text());
    CHECK(ended.status == 64);
    CHECK(ended.out == "");
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  }
}

TEST_CASE("words: a search needs neither a model nor a worker") {
  const Tree tree;
  const Database database;
  index_words(tree.folder.path(), database);
  const Strings hit = {"src/shopping/cart.py:4"};
  for (const char* model : {"/nonexistent", "none"})
    CHECK(words_hits(database, {"--code-model", model, "--text-model", model, "marmalade"}) == hit);
  // Alone in a folder, it has no worker to start and no model to find.
  const TemporaryFolder alone;
  fs::copy_file(program_path("supervisor"), alone / "supervisor");
  Command command = words_command(database, {"marmalade"});
  command.arguments.front() = (alone / "supervisor").string();
  const Ended by_words = run(command);
  INFO(by_words.text());
  CHECK(by_words.status == 0);
  CHECK(by_words.out.find("cart.py") != std::string::npos);
  std::erase(command.arguments, "--words");
  CHECK(run(command).status != 0);
}

TEST_CASE("words: a run with vectors follows one without, and the other way round") {
  const Tree tree;
  const Dump with = undisturbed(tree.folder.path(), "r");
  const Database database;
  index_words(tree.folder.path(), database);
  const Dump without = dump(database, "r");
  CHECK(without.vectors.empty());
  /// Whether a search without --words says that words alone answer it.
  const auto answers_by_words_alone = [&] {
    Command command = supervisor_command({"search", "--json", "marmalade"});
    command.environment["DATABASE_URL"] = database.url();
    const Ended ended = run(command);
    INFO(ended.text());
    REQUIRE(ended.status == 0);
    const nlohmann::json results = nlohmann::json::parse(ended.out).at("results");
    REQUIRE_FALSE(results.empty());
    CHECK(results.front().at("path") == "src/shopping/cart.py");
    const bool alone = ended.err.find("by words alone") != std::string::npos;
    CHECK(alone == (ended.err.find("texts have no vector yet") != std::string::npos));
    return alone;
  };
  CHECK(answers_by_words_alone());
  for (int round = 0; round < 2; ++round) {
    const IndexRun run = index(tree.folder.path(), database, {"--repository", "r"});
    INFO(run.ended.text());
    REQUIRE(run.ended.status == 0);
    CHECK(contradictions(run.report, database) == Strings());
    CHECK(run.report.at("status") == "complete");
    CHECK((run.report.at("chunks").at("embedded") == 0) == (round > 0));
    CHECK(differences(with, dump(database, "r")) == Strings());
    CHECK_FALSE(answers_by_words_alone());
    CHECK(words_hits(database, {"marmalade"}) == Strings{"src/shopping/cart.py:4"});
    // A run without vectors takes none away.
    const IndexRun words = index_words(tree.folder.path(), database);
    CHECK(words.ended.out.find("words only") != std::string::npos);
    CHECK(words.report.at("status") == "complete");
    CHECK(words.report.at("texts") == run.report.at("texts"));
    CHECK(words_hits(database, {"marmalade"}) == Strings{"src/shopping/cart.py:4"});
    CHECK_FALSE(answers_by_words_alone());
    CHECK(differences(with, dump(database, "r")) == Strings());
  }
  CHECK(files_in(index_words(tree.folder.path(), database).report, "unchanged") == 3);
}

TEST_CASE("words: one search answers from several repositories, and none from a removed one") {
  const Tree tree;
  const TemporaryFolder other;
  other.write("big.py", definitions("big", 600, 1));
  other.write("jam.py", "def jam():\n    return 'marmalade'\n");
  const Database database;
  index_words(tree.folder.path(), database);
  index_words(other.path(), database, {"--repository", "other"});
  CHECK(count_rows(database, "word_segments") == 1);
  std::set<std::string> repositories;
  for (const auto& result : words_results(database, {"marmalade"}))
    repositories.insert(result.at("repository").get<std::string>());
  CHECK(repositories == std::set<std::string>{"r", "other"});
  CHECK(words_hits(database, {"--repository", "other", "marmalade"}) == Strings{"jam.py:1"});
  CHECK(words_hits(database, {"--repository", "r", "marmalade"}) ==
        Strings{"src/shopping/cart.py:4"});
  const auto status_of = [&](const std::string& subcommand) {
    Command command = supervisor_command({subcommand, "other"});
    command.environment["DATABASE_URL"] = database.url();
    return run(command).status;
  };
  CHECK(status_of("status") == 0);
  CHECK(status_of("failures") == 0);
  CHECK(status_of("remove") == 0);
  CHECK(count_rows(database, "word_segments") == 0);
  CHECK(count_rows(database, "word_postings") == 0);
  CHECK(words_hits(database, {"marmalade"}) == Strings{"src/shopping/cart.py:4"});
  CHECK(words_hits(database, {definition("big", 7, 1)}) == kNoHits);
}

TEST_CASE("words: a database of the schema before them is upgraded by the next run") {
  const TemporaryFolder folder;
  folder.write("a.py", definitions("a", 600, 1));
  const Database database;
  index_words(folder.path(), database);
  const nlohmann::json before = words_results(database, {definition("a", 7, 1)});
  CHECK(before.size() == 1);
  // As the migrations up to 0010 leave it, with chunks of a forkdex that stored no lexemes. With
  // the tables, the rights of workers to them are gone.
  for (const char* statement :
       {"DROP TABLE forkdex.word_postings, forkdex.word_segments",
        "DROP INDEX forkdex.chunks_of_repository",
        "ALTER TABLE forkdex.chunks DROP COLUMN text_view",
        "ALTER TABLE forkdex.repositories DROP COLUMN texts_total, DROP COLUMN texts_missing",
        "ALTER TABLE forkdex.runs DROP COLUMN code_model, DROP COLUMN text_model, "
        "DROP COLUMN files_done",
        "ALTER TABLE forkdex.refused_texts DROP COLUMN refused_limit, DROP COLUMN attempts",
        "DELETE FROM forkdex.schema_version WHERE version >= 11",
        "UPDATE forkdex.chunks SET lexemes = NULL", "UPDATE forkdex.files SET recipe = 'older'"})
    database.rows(statement);
  CHECK(words_results(database, {definition("a", 7, 1)}).empty());
  const IndexRun upgraded = index_words(folder.path(), database);
  CHECK(files_in(upgraded.report, "indexed") == 1);
  CHECK(upgraded.ended.err.find("words.not_merged") == std::string::npos);
  CHECK(count_rows(database, "word_segments") == 1);
  CHECK(words_results(database, {definition("a", 7, 1)}) == before);
}

}  // namespace
}  // namespace forkdex::test
