#pragma once

// What tests of the word index share: runs without vectors, searches by words, and trees of small
// definitions whose words say which file and edition they are of.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {

using Strings = std::vector<std::string>;

/// A run that embeds nothing, and ends with 0.
inline IndexRun index_words(const std::filesystem::path& root, const Database& database,
                            Strings options = {}) {
  options.insert(options.begin(), {"--no-vectors", "--repository", "r", "--workers", "2"});
  IndexRun run = index(root, database, options);
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(contradictions(run.report, database) == Strings());
  return run;
}

inline Command words_command(const Database& database, Strings arguments) {
  arguments.insert(arguments.begin(), {"search", "--words", "--json"});
  Command command = supervisor_command(arguments);
  command.environment["DATABASE_URL"] = database.url();
  return command;
}

/// The results of a search by words, which ends with 0 and complains of nothing.
inline nlohmann::json words_results(const Database& database, const Strings& arguments) {
  const Ended ended = run(words_command(database, arguments));
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(ended.err == "");
  return nlohmann::json::parse(ended.out).at("results");
}

/// The hits of a search by words as "path:line", best first.
inline Strings words_hits(const Database& database, const Strings& arguments) {
  Strings hits;
  for (const auto& result : words_results(database, arguments))
    hits.push_back(result.at("path").get<std::string>() + ":" +
                   std::to_string(result.at("definition_line").get<int>()));
  return hits;
}

inline long count_rows(const Database& database, const std::string& table) {
  return std::stol(database.value("SELECT count(*) FROM forkdex." + table));
}

/// A number in small letters, so that it belongs to the word that it stands in: 120 is "bca".
inline std::string letters(int number) {
  std::string word = std::to_string(number);
  for (char& c : word) c = static_cast<char>(c - '0' + 'a');
  return word;
}

/// The word that every definition of an edition has, and no other.
inline std::string edition(int number) { return "edition" + letters(number); }

/// The name of a definition, which is one word.
inline std::string definition(const std::string& file, int number, int of) {
  return "zz" + file + "x" + letters(number) + "x" + letters(of);
}

/// `count` definitions in an edition, four lines each.
inline std::string definitions(const std::string& file, int count, int of) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "def " + definition(file, i, of) + "():\n    return \"" + edition(of) + "\"\n\n\n";
  return text;
}

/// Where a definition stands, as words_hits says it.
inline std::string place(const std::string& file, int number) {
  return file + ".py:" + std::to_string(4 * number + 1);
}

}  // namespace forkdex::test
