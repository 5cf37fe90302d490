// Ignore files: the shortcuts that make rules fast change no verdict, and the glob options mean
// what the same line means in an ignore file.

#include "supervisor/repository/worktree/ignore_rules.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/glob.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

using Verdict = IgnoreFile::Verdict;

std::string_view base_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// A line that a reader of ignore files takes as it stands.
bool is_plain(std::string_view line) {
  return !line.empty() && !line.starts_with('#') && !line.starts_with('!') &&
         !line.starts_with('\xEF') && !line.ends_with(' ') && !line.ends_with('\r') &&
         line.find('\0') == std::string_view::npos;
}

// What `line` says of `path` by wildmatch alone.
bool ignored_plainly(std::string_view line, std::string_view path, bool is_folder, bool fold_case) {
  if (line.ends_with('/')) {
    if (!is_folder) return false;
    line.remove_suffix(1);
  }
  if (line.empty()) return false;
  if (line.find('/') == std::string_view::npos)
    return wildmatch(line, base_name_of(path), fold_case);
  if (line.starts_with('/')) line.remove_prefix(1);
  return wildmatch(line, path, fold_case);
}

void check_one_rule(std::string_view line, std::string_view path, bool is_folder, bool fold_case) {
  // git lets asterisks behind a literal start the pattern, as the rules do: see matches_path().
  if (!is_plain(line) || line.find("**") != std::string_view::npos) return;
  const IgnoreFile file(std::string(line), fold_case);
  const bool ignored = file.judge(path, is_folder) == Verdict::kIgnored;
  expect(ignored == ignored_plainly(line, path, is_folder, fold_case),
         "a shortcut changes no verdict");
  const IgnoreFile taken_back(std::string(line) + "\n!" + std::string(line), fold_case);
  expect(!ignored || taken_back.judge(path, is_folder) == Verdict::kKept, "the last rule wins");
}

// glob_match(), which asks about every folder above.
void check_as_option(std::string_view line, std::string_view path) {
  if (!is_plain(line) || line.find("**") != std::string_view::npos) return;
  const IgnoreFile file(std::string(line), false);
  bool ignored = false;
  for (std::size_t end = 0; end != std::string_view::npos && !ignored;) {
    end = path.find('/', end == 0 ? 0 : end + 1);
    ignored = file.judge(path.substr(0, end), end != std::string_view::npos) == Verdict::kIgnored;
    if (end == 0) return;  // no relative path
  }
  if (line != "/") expect(glob_match(line, path) == ignored, "an option means what a rule does");
}

void check(std::string_view bytes) {
  Input input(bytes);
  const auto flags = input.number<std::uint8_t>();
  const bool is_folder = (flags & 1) != 0;
  const bool fold_case = (flags & 2) != 0;
  const std::string_view path = input.line();
  const std::string_view text = input.rest();

  IgnoreRules rules(fold_case);
  rules.push(0, std::string(text));
  const bool ignored = rules.ignored(path, is_folder);
  expect(ignored ==
             (IgnoreFile(std::string(text), fold_case).judge(path, is_folder) == Verdict::kIgnored),
         "one file says what its rules say");
  const std::size_t folder = path.rfind('/') + 1;
  rules.push(folder, std::string(text));
  rules.ignored(path, is_folder);
  rules.pop();
  expect(rules.ignored(path, is_folder) == ignored, "what is left behind says nothing more");

  const std::string_view line = text.substr(0, text.find('\n'));
  check_one_rule(line, path, is_folder, fold_case);
  check_as_option(line, path);
}

const Registration kTarget("ignore_rules", check);

}  // namespace
}  // namespace forkdex::fuzz
