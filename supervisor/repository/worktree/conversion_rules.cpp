#include "supervisor/repository/worktree/conversion_rules.h"

#include <algorithm>
#include <utility>

namespace forkdex {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::string_view kMacro = "[attr]";
/// More than a person writes: what they mean is looked for by passing over them again and again.
constexpr std::size_t kMostMacros = 100;

/// Takes the next word off `line`; empty at its end.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

/// The attributes that the rest of a line sets, to whatever value.
std::vector<std::string> attributes_in(std::string_view rest) {
  std::vector<std::string> attributes;
  for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest))
    if (word[0] != '-' && word[0] != '!') attributes.emplace_back(word.substr(0, word.find('=')));
  return attributes;
}

}  // namespace

ConversionRules::ConversionRules(bool fold_case)
    : fold_case_(fold_case), converting_({"filter", "working-tree-encoding"}) {}

bool ConversionRules::converts(const std::vector<std::string>& attributes) const {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const std::string& name) { return converting_.contains(name); });
}

void ConversionRules::add_line(std::string_view line, Level& level) {
  std::string_view rest = line;
  const std::string_view word = next_word(rest);
  if (word.empty() || word[0] == '#') return;
  if (word.starts_with(kMacro)) {
    std::string name(word.substr(kMacro.size()));
    if (name.empty()) name = next_word(rest);
    macros_.emplace_back(std::move(name), attributes_in(rest));
    return;
  }
  // A pattern in quotes may hold blanks: take it for every path, and the words in it for
  // attributes.
  const bool quoted = word[0] == '"';
  std::vector<std::string> attributes = attributes_in(rest);
  if (attributes.empty()) return;
  level.rules.push_back(
      {IgnoreFile(quoted ? "*" : std::string(word), fold_case_), std::move(attributes)});
}

/// Whether there are attributes now that convert and did not before. A macro may be made of others,
/// and used in a file that comes before the one that defines it.
bool ConversionRules::learn_macros() {
  bool learned = false;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, attributes] : macros_)
      if (converts(attributes)) more |= converting_.insert(name).second;
    learned |= more;
  }
  return learned;
}

void ConversionRules::judge(Level& level) const {
  level.counts = level.unknown;
  for (Rule& rule : level.rules) {
    rule.converts = converts(rule.attributes);
    level.counts |= rule.converts;
  }
}

void ConversionRules::push(Level level) {
  level.unknown |= macros_.size() > kMostMacros;
  if (!level.unknown && learn_macros())
    for (Level& before : levels_) judge(before);
  judge(level);
  levels_.push_back(std::move(level));
  any_counts_ =
      std::any_of(levels_.begin(), levels_.end(), [](const Level& l) { return l.counts; });
}

void ConversionRules::push(std::size_t folder_bytes, std::string_view text) {
  Level level;
  level.folder_bytes = folder_bytes;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    add_line(line, level);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  push(std::move(level));
}

void ConversionRules::push_unknown() {
  Level level;
  level.unknown = true;
  push(std::move(level));
}

void ConversionRules::pop() {
  levels_.pop_back();
  any_counts_ =
      std::any_of(levels_.begin(), levels_.end(), [](const Level& l) { return l.counts; });
}

bool ConversionRules::may_convert(std::string_view path) const {
  if (!any_counts_) return false;
  for (const Level& level : levels_) {
    if (!level.counts) continue;
    if (level.unknown) return true;
    for (const Rule& rule : level.rules)
      if (rule.converts && rule.pattern.judge(path.substr(level.folder_bytes), false) ==
                               IgnoreFile::Verdict::kIgnored)
        return true;
  }
  return false;
}

}  // namespace forkdex
