// Settings: any command line, environment and --config file give an error of the user's, or
// settings within their ranges; and no message ever holds a database URL.

#include "supervisor/settings/settings.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/glob.h"
#include "common/base/languages.h"
#include "common/protocol/segment.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/memory_file.h"

namespace forkdex::fuzz {
namespace {

constexpr std::string_view kPassword = "q7Zk0xWv";

struct Given {
  std::vector<std::string> words;
  Environment environment;
  std::string_view file;
};

// Words, a line each; a line "--- variables" and NAME=value lines; a line "--- file" and its bytes.
Given read(Input& input) {
  Given given;
  while (!input.empty()) {
    const std::string_view line = input.line();
    if (line == "--- variables") break;
    given.words.emplace_back(line);
  }
  while (!input.empty()) {
    const std::string_view line = input.line();
    if (line == "--- file") break;
    const std::size_t equals = std::min(line.find('='), line.size());
    given.environment[std::string(line.substr(0, equals))] =
        line.substr(std::min(equals + 1, line.size()));
  }
  given.file = input.rest();
  return given;
}

bool all_globs(const std::vector<std::string>& patterns) {
  return std::ranges::all_of(patterns, [](const std::string& p) { return is_glob(p); });
}

void check_ranges(const Settings& settings) {
  expect(!settings.workers || (*settings.workers > 0 && *settings.workers <= 256), "workers");
  expect(settings.in_flight > 0 && settings.in_flight <= kSlots, "in-flight fits the segment");
  expect(settings.batch_tokens > 0 && settings.file_timeout > 0 && settings.limit > 0,
         "what counts is positive");
  expect(settings.max_file_size > 0 && (!settings.memory_per_worker || *settings.memory_per_worker),
         "a size is positive");
  expect(all_globs(settings.include) && all_globs(settings.exclude), "globs can match");
  expect(std::ranges::all_of(settings.languages, is_language), "languages are known");
}

void check_parsed(const std::vector<std::string>& words, const Environment& environment) {
  const Result<Invocation> parsed = parse_invocation(words, environment);
  if (!parsed) {
    const ErrorCode code = parsed.error().code;
    expect(code == ErrorCode::kUsage || code == ErrorCode::kConfigInvalid,
           "the error is the user's");
    expect(!parsed.error().sentence.empty(), "an error says something");
    expect(parsed.error().text().find(kPassword) == std::string::npos, "no message holds a secret");
    return;
  }
  check_ranges(parsed->settings);
  expect(!help_text(*parsed).empty(), "there is help");
  expect(parse_invocation(words, environment)->settings == parsed->settings, "the same again");
}

void check(std::string_view bytes) {
  if (bytes.find(kPassword) != std::string_view::npos) return;
  Input input(bytes);
  Given given = read(input);
  const MemoryFile file(given.file);
  // The only file it reads is ours: what is named otherwise may be anything.
  given.environment.erase("FORKDEX_CONFIG");
  if (!given.file.empty()) given.environment["FORKDEX_CONFIG"] = file.path();
  for (std::string& word : given.words)
    if (word.starts_with("--config")) word = "--config=" + file.path();
  check_parsed(given.words, given.environment);

  const std::string url = "postgresql://u:" + std::string(kPassword) + "@h/d";
  given.environment["FORKDEX_DATABASE_URL"] = url;
  given.words.insert(given.words.begin(), "--database-url=" + url);
  check_parsed(given.words, given.environment);
  given.words.front() = "--database-url=" + url.substr(1);
  check_parsed(given.words, given.environment);
}

const Registration kTarget("settings", check);

}  // namespace
}  // namespace forkdex::fuzz
