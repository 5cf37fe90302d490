#include "worker/parse/written_name.h"

#include <optional>
#include <utility>

#include "common/base/utf8.h"
#include "worker/parse/span.h"
#include "worker/parse/words.h"

namespace forkdex {
namespace {

constexpr std::size_t kMaxNameBytes = 200;
/// Types may be long in casts. What is longer is written by no human.
constexpr std::size_t kMaxChainBytes = 4096;
constexpr int kMostParentheses = 8;

bool is_quote(char c) { return c == '\'' || c == '"' || c == '`'; }

/// Whether `text` is a string or a template that has nothing put into it.
bool is_quoted(std::string_view text) {
  if (text.size() < 2 || !is_quote(text[0]) || text.find(text[0], 1) != text.size() - 1)
    return false;
  return text[0] != '`' || text.find("${") == std::string_view::npos;
}

std::string_view word_at(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_word(text[end]) || text[end] == '#')) ++end;
  return text.substr(0, end);
}

bool is_number(std::string_view text) {
  return !text.empty() && word_at(text) == text && text[0] >= '0' && text[0] <= '9';
}

/// Bytes of the comment that `text` begins with, or 0.
std::size_t comment_first(std::string_view text) {
  const bool is_block = text.starts_with("/*");
  if (!is_block && !text.starts_with("//")) return 0;
  const std::size_t end = text.find(is_block ? "*/" : "\n", 2);
  return end == std::string_view::npos ? text.size() : end + (is_block ? 2 : 1);
}

/// Where the bracket closes that `text` begins with; npos if it does not.
std::size_t closing_of(std::string_view text) {
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (const std::size_t comment = comment_first(text.substr(i))) {
      i += comment - 1;
    } else if (is_quote(c)) {
      i = text.find(c, i + 1);
      if (i == std::string_view::npos) break;
    } else if (std::string_view("([{<").find(c) != std::string_view::npos) {
      ++open;
    } else if (std::string_view(")]}>").find(c) != std::string_view::npos) {
      const bool is_arrow = c == '>' && text[i - 1] == '=';
      if (!is_arrow && --open == 0) return i;
    }
  }
  return std::string_view::npos;
}

/// A chain of members, as in `(a.b as T)['c']`, being read from its begin.
class Chain {
 public:
  explicit Chain(std::string_view text) : text_(text) {}

  /// The name, or nothing if the text is no chain.
  std::optional<WrittenName> read() && {
    if (text_.size() > kMaxChainBytes || !read_value(0) || !text_.empty()) return std::nullopt;
    return std::move(name_);
  }

 private:
  /// Reads as far as the chain goes. False if none begins here.
  bool read_value(int depth) {
    skip_spaces();
    if (text_.starts_with('(') ? !read_parentheses(depth) : !read_word()) return false;
    for (;;) {
      skip_spaces();
      if (text_.starts_with('!') && !text_.starts_with("!=")) {
        text_.remove_prefix(1);
      } else if (text_.starts_with('?') || text_.starts_with('.')) {
        text_.remove_prefix(text_.starts_with("?.") ? 2 : 1);
        skip_spaces();
        if (text_.starts_with('[') ? !read_subscript() : !read_word()) return false;
      } else if (text_.starts_with('[')) {
        if (!read_subscript()) return false;
      } else {
        return true;
      }
    }
  }

  /// Reads `(a)`, `(a as T)`, `(a satisfies T)` or `(<T>a)`.
  bool read_parentheses(int depth) {
    const std::size_t close = closing_of(text_);
    if (close == std::string_view::npos || depth == kMostParentheses) return false;
    const std::string_view rest = text_.substr(close + 1);
    text_ = text_.substr(1, close - 1);
    for (skip_spaces(); text_.starts_with('<'); skip_spaces()) {
      const std::size_t end = closing_of(text_);
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
    }
    if (!read_value(depth + 1)) return false;
    const std::string_view word = word_at(text_);
    if (!text_.empty() && word != "as" && word != "satisfies") return false;
    text_ = rest;
    return true;
  }

  bool read_word() {
    const std::string_view word = word_at(text_);
    if (word.empty()) return false;
    add(word, name_.full.empty() ? "" : ".");
    text_.remove_prefix(word.size());
    return true;
  }

  /// Reads `['a']`, `[1]`, or `[a.b]`, which keeps its brackets.
  bool read_subscript() {
    const std::size_t close = closing_of(text_);
    if (close == std::string_view::npos) return false;
    const std::string_view whole = text_.substr(0, close + 1);
    const std::string_view key = slice(whole, trimmed(whole, {1, close}));
    if (is_quoted(key)) {
      add(key.substr(1, key.size() - 2), ".");
    } else {
      add(is_number(key) ? key : whole, is_number(key) ? "." : "");
    }
    text_.remove_prefix(close + 1);
    return true;
  }

  void add(std::string_view word, std::string_view before) {
    name_.full += before;
    name_.full += word;
    name_.last = word;
  }

  void skip_spaces() {
    std::size_t bytes = 0;
    do {
      text_.remove_prefix(bytes);
      text_.remove_prefix(trimmed(text_, {0, text_.size()}).begin);
      bytes = comment_first(text_);
    } while (bytes > 0);
  }

  std::string_view text_;  // what is left to read
  WrittenName name_;
};

}  // namespace

WrittenName read_name(std::string_view text) {
  const bool in_brackets = text.starts_with('[') && text.ends_with(']');
  const std::string_view key = in_brackets ? text.substr(1, text.size() - 2) : text;
  WrittenName name;
  if (is_quoted(key)) {
    name.last = name.full = key.substr(1, key.size() - 2);
  } else if (auto chain = Chain(text).read()) {
    name = *std::move(chain);
  } else {
    name.last = name.full = capped(text, kMaxNameBytes);
  }
  return {std::string(capped(name.last, kMaxNameBytes)),
          std::string(capped(name.full, kMaxNameBytes))};
}

bool is_known_at_run_time(std::string_view text) {
  if (text.empty() || text.front() == '[' || text.back() != ']') return false;
  const std::size_t open = text.rfind('[');
  if (open == std::string_view::npos) return false;
  const std::string_view key = slice(text, trimmed(text, {open + 1, text.size() - 1}));
  if (key.empty() || is_quoted(key) || is_number(key)) return false;
  return key[0] < 'A' || key[0] > 'Z';
}

}  // namespace forkdex
