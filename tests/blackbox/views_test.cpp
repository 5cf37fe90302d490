// The two views of a chunk: what each model embeds, and what happens when one is switched off or
// replaced.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_folder.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/shallow_model.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

using Strings = std::vector<std::string>;

/// Three files, five chunks.
struct Tree {
  Tree() {
    folder.write("app/store.py",
                 "class UserStore:\n    \"\"\"Keeps users.\"\"\"\n\n"
                 "    def find(self, n):\n        # A zebra crosses here.\n        return n\n");
    folder.write("lib/add.ts",
                 "/** Sums two figures. */\nexport function plus(a, b) { return a; }\n");
    folder.write("README.md", "# Installing\n\nRun the quickstart.\n");
  }
  GitFolder folder;
};

IndexRun index_well(const fs::path& root, const Database& database, Strings options = {}) {
  options.insert(options.begin(), {"--repository", "r", "--workers", "1"});
  IndexRun run = index(root, database, options);
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(contradictions(run.report, database) == Strings());
  return run;
}

int chunks(const IndexRun& run, const std::string& count) {
  return run.report.at("chunks").at(count).get<int>();
}

/// Chunks that lack a vector which their view's hash promises.
std::string without_vector(const Database& database, const std::string& column) {
  return database.value(
      "SELECT count(*) FROM forkdex.chunks c WHERE NOT EXISTS (SELECT FROM "
      "forkdex.vectors v WHERE v.content_hash = c." +
      column + ")");
}

std::string first_hit(const Database& database, Strings arguments) {
  arguments.insert(arguments.begin(), {"search", "--limit", "1"});
  Command command = supervisor_command(arguments);
  command.environment["DATABASE_URL"] = database.url();
  const Ended found = run(command);
  INFO(found.text());
  REQUIRE(found.status == 0);
  return found.out.substr(0, found.out.find(' '));
}

/// The bundled model, but that it reads no more than 64 tokens: another model to forkdex.
struct ShortModel {
  ShortModel() {
    link_bundled_model(folder.path(), "sentence_bert_config.json",
                       R"({"max_seq_length": 64, "do_lower_case": false})");
  }
  TemporaryFolder folder;
};

TEST_CASE("views: every chunk is found by its source and by what it says of itself") {
  const Tree tree;
  const Database database;
  const IndexRun run = index_well(tree.folder.path(), database);
  CHECK(chunks(run, "written") == 4);
  CHECK(chunks(run, "embedded") == 8);
  CHECK(without_vector(database, "content_hash") == "0");
  CHECK(without_vector(database, "text_hash") == "0");
  CHECK(first_hit(database, {"where does a zebra cross"}) == "app/store.py:4");
  CHECK(first_hit(database, {"sums two figures"}) == "lib/add.ts:2");
  CHECK(first_hit(database, {"how do I install it"}) == "README.md:1");
  const IndexRun again = index_well(tree.folder.path(), database);
  CHECK(files_in(again.report, "unchanged") == 3);
  CHECK(chunks(again, "embedded") == 0);
}

TEST_CASE("views: of a file that moved only what says where it is, is embedded anew") {
  const Tree tree;
  const Database database;
  index_well(tree.folder.path(), database);
  fs::rename(tree.folder.path() / "app/store.py", tree.folder.path() / "app/shelf.py");
  const IndexRun moved = index_well(tree.folder.path(), database);
  CHECK(chunks(moved, "written") == 2);
  CHECK(chunks(moved, "embedded") == 2);
  CHECK(chunks(moved, "reused") == 2);
  fs::rename(tree.folder.path() / "app/shelf.py", tree.folder.path() / "app/store.py");
  CHECK(chunks(index_well(tree.folder.path(), database), "embedded") == 0);
}

TEST_CASE("views: one that is switched off goes, and comes back without the model's work") {
  const Tree tree;
  tree.folder.commit("Cross the zebra", 0);
  const Database database;
  index_well(tree.folder.path(), database);
  const Strings no_text = {"--text-model", "none"};
  const IndexRun code = index_well(tree.folder.path(), database, no_text);
  CHECK(files_in(code.report, "indexed") == 3);
  CHECK(chunks(code, "embedded") == 0);
  CHECK(chunks(code, "reused") == 4);
  CHECK(database.value("SELECT count(text_hash) FROM forkdex.chunks") == "0");
  CHECK(files_in(index_well(tree.folder.path(), database, no_text).report, "unchanged") == 3);
  CHECK(first_hit(database, {"--text-model", "none", "return n"}) == "app/store.py:4");

  const Strings no_code = {"--code-model", "none"};
  const IndexRun text = index_well(tree.folder.path(), database, no_code);
  CHECK(files_in(text.report, "indexed") == 3);
  CHECK(chunks(text, "embedded") == 0);
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE text_hash IS NOT NULL AND "
                       "content_hash IS NOT NULL") == "4");
  CHECK(first_hit(database, {"--code-model", "none", "zebra"}) == "app/store.py:4");
  // What neither view needs any more is collected, messages are needed all the while.
  const std::string before = database.value("SELECT count(*) FROM forkdex.vectors");
  const IndexRun last = index_well(tree.folder.path(), database,
                                   {"--code-model", "none", "--full", "--keep-vectors", "0"});
  CHECK(chunks(last, "embedded") == 0);
  CHECK(before == "9");
  CHECK(database.value("SELECT count(*) FROM forkdex.vectors") == "5");
}

TEST_CASE("views: each may have a model of its own, and another one takes its place") {
  const Tree tree;
  const ShortModel model;
  const Database database;
  const Strings with_model = {"--text-model", model.folder.path().string()};
  tree.folder.commit("Cross the zebra", 0);
  const IndexRun two = index_well(tree.folder.path(), database, with_model);
  CHECK(chunks(two, "embedded") == 8);
  CHECK(database.value("SELECT string_agg(n::text, ' ' ORDER BY model_id) FROM (SELECT model_id, "
                       "count(*) AS n FROM forkdex.vectors GROUP BY model_id) m") == "4 5");
  Strings question = with_model;
  question.push_back("where does a zebra cross");
  CHECK(first_hit(database, question) == "app/store.py:4");
  question.insert(question.begin(), {"--kind", "commit"});
  CHECK(first_hit(database, question).size() == 10);
  CHECK(files_in(index_well(tree.folder.path(), database, with_model).report, "unchanged") == 3);

  const IndexRun one = index_well(tree.folder.path(), database);
  CHECK(files_in(one.report, "unchanged") == 3);
  CHECK(chunks(one, "embedded") == 4);
  CHECK(chunks(one, "reused") == 0);
  // Complete under one model, nothing refers to the other's vectors any more.
  index_well(tree.folder.path(), database, {"--full", "--keep-vectors", "0"});
  CHECK(database.value("SELECT string_agg(n::text, ' ' ORDER BY model_id) FROM (SELECT model_id, "
                       "count(*) AS n FROM forkdex.vectors GROUP BY model_id) m") == "9");
}

TEST_CASE("views: vectors may be cut off, and are another model's then") {
  const Tree tree;
  const Database database;
  index_well(tree.folder.path(), database);
  const Strings short_vectors = {"--dimensions", "96"};
  const IndexRun cut = index_well(tree.folder.path(), database, short_vectors);
  CHECK(files_in(cut.report, "indexed") == 3);
  CHECK(chunks(cut, "embedded") == 8);
  // Cut behind the first values and scaled to length 1 again.
  CHECK(database.value(
            "SELECT count(*) FROM forkdex.vectors s JOIN forkdex.vectors w USING (content_hash) "
            "WHERE vector_dims(s.embedding) = 96 AND vector_dims(w.embedding) = 384 AND "
            "l2_norm(s.embedding) BETWEEN 0.999 AND 1.001 AND "
            "s.embedding <=> subvector(w.embedding, 1, 96) < 0.001") == "8");
  CHECK(first_hit(database, {"--dimensions", "96", "where does a zebra cross"}) ==
        "app/store.py:4");
  CHECK(files_in(index_well(tree.folder.path(), database, short_vectors).report, "unchanged") == 3);
  const IndexRun more = index(tree.folder.path(), database, {"--dimensions", "385"});
  CHECK(more.ended.status == 64);
  CHECK(more.ended.err.find("--dimensions 385 is more than") != std::string::npos);
}

TEST_CASE("views: a query may have a prefix of its own, and an unknown model's search says so") {
  const Tree tree;
  const Database database;
  index_well(tree.folder.path(), database);
  CHECK(first_hit(database, {"--query-prefix", "query: ", "where does a zebra cross"}) ==
        "app/store.py:4");
  for (const Strings& options :
       {Strings{"--document-prefix", "passage: "}, {"--dimensions", "96"}}) {
    Command search = supervisor_command({"search", options[0], options[1], "zebra"});
    search.environment["DATABASE_URL"] = database.url();
    const Ended found = run(search);
    INFO(found.text());
    CHECK(found.status == 0);
    CHECK(found.out.starts_with("app/store.py:4 "));  // by words
    CHECK(found.err.find("nothing was indexed by these models") != std::string::npos);
    CHECK(found.err.find(options[0]) != std::string::npos);
  }
}

TEST_CASE("views: a search by a model that another repository was indexed by says so") {
  const Tree tree;
  const TemporaryFolder other;
  other.write("a.py", "def zebra(): pass\n");
  const Database database;
  index_well(tree.folder.path(), database);
  const Strings shorter = {"--repository", "other", "--dimensions", "96"};
  REQUIRE(index(other.path(), database, shorter).ended.status == 0);
  const auto complaint = [&](Strings options) {
    options.insert(options.begin(), "search");
    options.push_back("zebra");
    Command search = supervisor_command(options);
    search.environment["DATABASE_URL"] = database.url();
    const Ended found = run(search);
    INFO(found.text());
    CHECK(found.status == 0);
    const bool complains = found.err.find("nothing was indexed by") != std::string::npos;
    CHECK(complains == (found.err.find("by words alone") != std::string::npos));
    CHECK_FALSE(found.out.empty());
    return complains;
  };
  CHECK_FALSE(complaint({"--repository", "other", "--dimensions", "96"}));
  CHECK_FALSE(complaint({"--dimensions", "96"}));
  CHECK(complaint({"--repository", "other"}));
}

TEST_CASE("views: a chunk leaves room for the prefix of every text") {
  const auto words = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "word ";
    return text;
  };
  const TemporaryFolder folder;
  std::string source;
  for (int i = 0; i < 60; ++i) source += "first = second + third * fourth\n";
  folder.write("long.py", source);
  const Database database;
  const int without = chunks(index_well(folder.path(), database), "written");
  const IndexRun with = index_well(folder.path(), database, {"--document-prefix", words(100)});
  CHECK(chunks(with, "written") > without);

  const IndexRun none = index(folder.path(), database, {"--document-prefix", words(200)});
  INFO(none.ended.text());
  CHECK(none.ended.status == 69);
  CHECK(none.ended.err.find("the document prefix takes 200 of the 256 tokens") !=
        std::string::npos);
}

TEST_CASE("views: without any there is nothing to do") {
  const Tree tree;
  const Database database;
  for (const Strings& options : {Strings{"--code-model", "none", "--text-model", "none"}}) {
    const IndexRun run = index(tree.folder.path(), database, options);
    CHECK(run.ended.status == 64);
    CHECK(run.ended.err.find("both none") != std::string::npos);
  }
  Command search = supervisor_command({"search", "--code-model", "none", "zebra"});
  search.environment["DATABASE_URL"] = database.url();
  search.environment["FORKDEX_TEXT_MODEL"] = "none";
  CHECK(run(search).status == 64);
}

}  // namespace
}  // namespace forkdex::test
