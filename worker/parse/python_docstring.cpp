#include "worker/parse/python_docstring.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "common/base/utf8.h"
#include "worker/parse/character_names.h"

namespace forkdex {
namespace {

constexpr std::size_t kTabWidth = 8;

/// `source` with every line end as a line feed, which is how Python's tokenizer sees it.
std::string with_single_feeds(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    const bool in_pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (!in_pair) result += source[i] == '\r' ? '\n' : source[i];
  }
  return result;
}

void append_storable(char32_t code_point, std::string& text) {
  const bool storable = code_point != 0 && !(code_point >= 0xD800 && code_point <= 0xDFFF);
  append_utf8(storable ? code_point : kReplacementCharacter, text);
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

/// Replaces the escape sequences of a string literal's body.
class Unescaping {
 public:
  explicit Unescaping(std::string_view body) : body_(body) {}

  std::string run() {
    while (at_ < body_.size()) {
      const std::size_t next = std::min(body_.find('\\', at_), body_.size());
      result_ += body_.substr(at_, next - at_);
      at_ = next;
      if (at_ + 1 < body_.size()) {
        take_escape();
      } else if (at_ < body_.size()) {
        result_ += body_[at_++];
      }
    }
    return std::move(result_);
  }

 private:
  void take_escape() {
    const char kind = body_[at_ + 1];
    static constexpr std::string_view kLetters = "\\'\"abfnrtv";
    static constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    if (const std::size_t letter = kLetters.find(kind); letter != std::string_view::npos) {
      result_ += kValues[letter];
      at_ += 2;
    } else if (kind == '\n') {
      at_ += 2;
    } else if (kind >= '0' && kind <= '7') {
      take_number(1, 3, 8, /*exact=*/false);
    } else if (kind == 'x') {
      take_number(2, 2, 16, /*exact=*/true);
    } else if (kind == 'u') {
      take_number(2, 4, 16, /*exact=*/true);
    } else if (kind == 'U') {
      take_number(2, 8, 16, /*exact=*/true);
    } else if (kind == 'N') {
      take_name();
    } else {
      keep();
    }
  }

  /// What is no escape sequence stays as it is.
  void keep() {
    result_ += body_.substr(at_, 2);
    at_ += 2;
  }

  void take_number(std::size_t skip, std::size_t digits, int base, bool exact) {
    std::size_t used = 0;
    char32_t value = 0;
    while (used < digits && at_ + skip + used < body_.size()) {
      const int digit = digit_of(body_[at_ + skip + used]);
      if (digit >= base) break;
      value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
      ++used;
    }
    if ((exact && used < digits) || value > 0x10FFFF) return keep();
    append_storable(value, result_);
    at_ += skip + used;
  }

  void take_name() {
    const std::size_t begin = at_ + 3;
    const std::size_t end =
        begin <= body_.size() && body_[at_ + 2] == '{' ? body_.find('}', begin) : body_.npos;
    if (end == body_.npos) return keep();
    const auto character = character_named(body_.substr(begin, end - begin));
    if (!character) return keep();
    append_storable(*character, result_);
    at_ = end + 1;
  }

  std::string_view body_;
  std::size_t at_ = 0;
  std::string result_;
};

/// Reads an expression that is string literals only: side by side, or in parentheses.
class StringReader {
 public:
  explicit StringReader(std::string_view source) : source_(source) {}

  std::optional<std::string> run() {
    std::size_t parentheses = 0;
    for (skip_blank(parentheses); peek() == '('; skip_blank(parentheses)) {
      ++parentheses;
      ++at_;
    }
    bool any = false;
    while (take_literal()) {
      any = true;
      skip_blank(parentheses);
    }
    for (; parentheses > 0 && peek() == ')'; skip_blank(parentheses)) {
      --parentheses;
      ++at_;
    }
    if (!any || parentheses > 0 || at_ < source_.size()) return std::nullopt;
    return std::move(value_);
  }

 private:
  char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }

  /// White space, lines that a backslash continues and, in parentheses, lines and comments.
  void skip_blank(std::size_t parentheses) {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == ' ' || c == '\t' || c == '\f' || (c == '\n' && parentheses > 0)) {
        ++at_;
      } else if (source_.substr(at_, 2) == "\\\n") {
        at_ += 2;
      } else if (c == '#' && parentheses > 0) {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else {
        return;
      }
    }
  }

  /// One literal at `at_`; false where there is none, or none that a docstring can be part of.
  bool take_literal() {
    if (at_ == source_.size()) return false;
    const std::size_t quote_at = source_.substr(at_, 2).find_first_of("'\"");
    if (quote_at == std::string_view::npos) return false;
    const std::size_t open = at_ + quote_at;
    const std::string_view prefix = source_.substr(at_, quote_at);
    if (!prefix.empty() && std::string_view("rRuU").find(prefix) == std::string_view::npos)
      return false;
    const char quote = source_[open];
    const bool triple = source_.substr(open, 3) == std::string(3, quote);
    const std::size_t quotes = triple ? 3 : 1;
    const std::size_t begin = open + quotes;
    const std::size_t end = end_of_body(begin, quote, triple);
    if (end == std::string_view::npos) return false;
    const std::string_view body = source_.substr(begin, end - begin);
    const bool raw = prefix == "r" || prefix == "R";
    value_ += raw ? std::string(body) : Unescaping(body).run();
    at_ = end + quotes;
    return true;
  }

  std::size_t end_of_body(std::size_t from, char quote, bool triple) const {
    for (std::size_t i = from; i < source_.size(); ++i) {
      if (source_[i] == '\\') {
        ++i;
      } else if (source_[i] == '\n' && !triple) {
        break;
      } else if (source_[i] == quote &&
                 (!triple || source_.substr(i, 3) == std::string(3, quote))) {
        return i;
      }
    }
    return std::string_view::npos;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::string value_;
};

/// Python's str.isspace.
bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

/// str.expandtabs.
std::string with_spaces_for_tabs(std::string_view text) {
  if (text.find('\t') == std::string_view::npos) return std::string(text);
  std::string result;
  std::size_t column = 0;
  for (const char c : text) {
    if (c == '\t') {
      const std::size_t width = kTabWidth - column % kTabWidth;
      result.append(width, ' ');
      column += width;
      continue;
    }
    result += c;
    if (c == '\n' || c == '\r') {
      column = 0;
    } else if (!is_continuation(c)) {
      ++column;
    }
  }
  return result;
}

struct Indent {
  std::size_t characters = 0;
  std::size_t bytes = 0;
};

Indent indent_of(std::string_view line) {
  Indent indent;
  while (indent.bytes < line.size()) {
    const Utf8Character first = first_character(line.substr(indent.bytes));
    if (!is_python_space(first.code_point)) break;
    indent.bytes += first.bytes;
    ++indent.characters;
  }
  return indent;
}

/// `line` without its first `characters`.
std::string_view without(std::string_view line, std::size_t characters) {
  for (; characters > 0 && !line.empty(); --characters)
    line.remove_prefix(first_character(line).bytes);
  return line;
}

/// inspect.cleandoc.
std::string cleaned(std::string_view value) {
  const std::string expanded = with_spaces_for_tabs(value);
  std::vector<std::string_view> lines;
  for (std::string_view rest = expanded;;) {
    const std::size_t end = rest.find('\n');
    lines.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::size_t margin = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Indent indent = indent_of(lines[i]);
    if (indent.bytes < lines[i].size()) margin = std::min(margin, indent.characters);
  }
  lines[0].remove_prefix(indent_of(lines[0]).bytes);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (margin != std::numeric_limits<std::size_t>::max()) lines[i] = without(lines[i], margin);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  const auto first = std::ranges::find_if(lines, [](auto line) { return !line.empty(); });
  std::string result;
  for (auto line = first; line != lines.end(); ++line) {
    if (line != first) result += '\n';
    result += *line;
  }
  return result;
}

}  // namespace

std::optional<std::string> python_docstring(std::string_view statement) {
  if (statement.empty() ||
      std::string_view("'\"rRuU(").find(statement[0]) == std::string_view::npos)
    return std::nullopt;
  const std::string source = with_single_feeds(statement);
  const auto value = StringReader(source).run();
  if (!value) return std::nullopt;
  return cleaned(*value);
}

}  // namespace forkdex
