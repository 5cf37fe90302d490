#include "worker/parse/statement_lines.h"

#include <algorithm>
#include <array>
#include <optional>

#include "worker/parse/words.h"

namespace forkdex {
namespace {

/// Whether the statement that begins with `line` may go on with the next unindented one: a
/// decorator, or words that stand before a declaration.
bool needs_more(std::string_view line) {
  static constexpr std::array<std::string_view, 5> kBefore = {"export", "default", "async",
                                                              "declare", "abstract"};
  if (line.starts_with('@')) return true;
  while (!line.empty()) {
    const std::string_view word = first_word(line);
    if (!is_one_of(word, kBefore)) return false;
    line.remove_prefix(word.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  }
  return true;
}

/// Whether the body of what `line` declares, or ends to declare, may stand on the next line.
bool may_lack_body(std::string_view line) {
  static constexpr std::array<std::string_view, 13> kHeads = {
      "function", "class", "if",        "for",       "while",  "with", "switch",
      "try",      "do",    "interface", "namespace", "module", "enum"};
  const std::size_t last = line.find_last_not_of(" \t\r");
  if (line[last] == ';' || line[last] == '{') return false;
  if (line[last] == ')' || line[0] == ')') return true;
  for (std::string_view word = first_word(line); needs_more(word) && !word.empty();
       word = first_word(line)) {
    line.remove_prefix(word.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  }
  return is_one_of(first_word(line), kHeads);
}

/// Goes over a text's lines.
class LineWalk {
 public:
  explicit LineWalk(std::string_view text) : text_(text) {}

  std::vector<std::size_t> run() && {
    for (std::size_t begin = 0; begin < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', begin), text_.size());
      begin = visit(begin, text_.substr(begin, end - begin)) + 1;
    }
    return std::move(starts_);
  }

 private:
  /// Looks at the line at `begin`. Gives where it ends, or the comment that begins it.
  std::size_t visit(std::size_t begin, std::string_view line) {
    const std::size_t end = begin + line.size();
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return end;
    if (line.starts_with("/*")) {
      if (!comment_) comment_ = begin;
      const std::size_t close = text_.find("*/", begin + 2);
      if (close == std::string_view::npos) return end;
      return std::min(text_.find('\n', close), text_.size());
    }
    if (line.starts_with("//") || line.starts_with('#')) {
      if (!comment_) comment_ = begin;
      return end;
    }
    // A comment that stands above an indented line belongs to what that is in.
    const bool is_body = line[0] == '{' && before_body_;
    if (begins_statement(line) && !open_ && !is_body) add(comment_.value_or(begin));
    comment_.reset();
    // Neither an indented line nor a closing bracket ends what a decorator's line begins.
    if (std::string_view(" \t)]}").find(line[0]) == std::string_view::npos)
      open_ = needs_more(line);
    before_body_ = may_lack_body(line);
    return end;
  }

  static bool begins_statement(std::string_view line) {
    static constexpr std::array<std::string_view, 6> kGoOn = {"else",  "elif",    "except",
                                                              "catch", "finally", "while"};
    if (!is_word(line[0]) && line[0] != '@' && line[0] != '{') return false;
    return !is_one_of(first_word(line), kGoOn);
  }

  void add(std::size_t start) {
    if (start > starts_.back()) starts_.push_back(start);
  }

  std::string_view text_;
  std::vector<std::size_t> starts_{0};
  std::optional<std::size_t> comment_;  // the first of the comments above the line
  bool open_ = false;                   // the last unindented line goes on with the next one
  bool before_body_ = false;            // so may the last line, with a brace
};

}  // namespace

std::vector<std::size_t> statement_lines(std::string_view text) { return LineWalk(text).run(); }

}  // namespace forkdex
