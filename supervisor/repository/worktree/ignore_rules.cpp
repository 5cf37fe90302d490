#include "supervisor/repository/worktree/ignore_rules.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/base/glob.h"

namespace forkdex {
namespace {

/// `line` up to its first trailing space that no backslash protects. Tabs stay, as in git.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ') continue;
    if (line[i] == '\\' && ++i == line.size()) return line;
    end = i + 1;
  }
  return line.substr(0, end);
}

std::string_view base_name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

IgnoreFile::IgnoreFile(std::string text, bool fold_case)
    : text_(std::move(text)), fold_case_(fold_case) {
  assert(text_.size() <= kMaxBytes);
  std::size_t begin = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (begin < text_.size()) {
    const std::size_t newline = text_.find('\n', begin);
    const std::size_t end = newline == std::string::npos ? text_.size() : newline;
    add_line(begin, end);
    begin = end + 1;
  }
}

void IgnoreFile::add_line(std::size_t begin, std::size_t end) {
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.starts_with('#')) return;
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = without_trailing_spaces(line.substr(0, line.find('\0')));
  Pattern pattern{};
  if (line.starts_with('!')) {
    pattern.kept = true;
    line.remove_prefix(1);
    ++begin;
  }
  if (line.ends_with('/')) {
    pattern.folder_only = true;
    line.remove_suffix(1);
  }
  if (line.empty()) return;
  const std::size_t literal = std::min(line.find_first_of("*?[\\"), line.size());
  pattern.begin = static_cast<std::uint32_t>(begin);
  pattern.length = static_cast<std::uint32_t>(line.size());
  pattern.literal = static_cast<std::uint32_t>(literal);
  pattern.by_base_name = line.find('/') == std::string_view::npos;
  pattern.by_suffix = line[0] == '*' && line.find_first_of("*?[\\", 1) == std::string_view::npos;
  patterns_.push_back(pattern);
}

IgnoreFile::Verdict IgnoreFile::judge(std::string_view path, bool is_folder) const {
  const std::string_view base_name = base_name_of(path);
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->folder_only && !is_folder) continue;
    if (matches(*pattern, path, base_name))
      return pattern->kept ? Verdict::kKept : Verdict::kIgnored;
  }
  return Verdict::kSilent;
}

bool IgnoreFile::matches(const Pattern& pattern, std::string_view path,
                         std::string_view base_name) const {
  return pattern.by_base_name ? matches_base_name(pattern, base_name) : matches_path(pattern, path);
}

bool IgnoreFile::matches_base_name(const Pattern& pattern, std::string_view base_name) const {
  const std::string_view text = std::string_view(text_).substr(pattern.begin, pattern.length);
  if (pattern.literal == pattern.length) return equal_bytes(text, base_name, fold_case_);
  if (pattern.by_suffix) {
    const std::string_view suffix = text.substr(1);
    return suffix.size() <= base_name.size() &&
           equal_bytes(suffix, base_name.substr(base_name.size() - suffix.size()), fold_case_);
  }
  return wildmatch(text, base_name, fold_case_);
}

bool IgnoreFile::matches_path(const Pattern& pattern, std::string_view path) const {
  std::string_view text = std::string_view(text_).substr(pattern.begin, pattern.length);
  std::size_t literal = pattern.literal;
  if (text.starts_with('/')) {
    text.remove_prefix(1);
    --literal;
  }
  if (!equal_bytes(text.substr(0, literal), path.substr(0, literal), fold_case_)) return false;
  // What stands before the first wildcard is cut off before matching, as git does, and with its
  // consequence: in `foo**/bar` the asterisks then start the pattern and cross folders.
  return wildmatch(text.substr(literal), path.substr(literal), fold_case_);
}

void IgnoreRules::push(std::size_t folder_bytes, std::string text) {
  levels_.push_back({folder_bytes, IgnoreFile(std::move(text), fold_case_)});
}

bool IgnoreRules::ignored(std::string_view path, bool is_folder) const {
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    switch (level->file.judge(path.substr(level->folder_bytes), is_folder)) {
      case IgnoreFile::Verdict::kIgnored:
        return true;
      case IgnoreFile::Verdict::kKept:
        return false;
      case IgnoreFile::Verdict::kSilent:
        break;
    }
  }
  return false;
}

}  // namespace forkdex
