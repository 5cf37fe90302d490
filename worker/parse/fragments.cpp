#include "worker/parse/fragments.h"

#include <algorithm>
#include <array>

#include "worker/parse/line_ends.h"
#include "worker/parse/span.h"
#include "worker/parse/words.h"

namespace forkdex {
namespace {

constexpr std::string_view kOpeners = "([{";
constexpr std::string_view kClosers = ")]}";

bool is_in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

/// Bytes of the comment that `text` begins with, without the end of its line, or 0.
std::size_t comment_bytes(std::string_view text) {
  if (text.starts_with("/*")) {
    const std::size_t close = text.find("*/", 2);
    return close == std::string_view::npos ? text.size() : close + 2;
  }
  const bool is_line = text.starts_with("//") || text.starts_with("# ");
  return is_line ? std::min(text.find('\n'), text.size()) : 0;
}

/// Bytes of the string that `text` begins with, or 0. Only a template goes over a line's end.
std::size_t string_bytes(std::string_view text) {
  if (text.empty() || !is_in(text[0], "'\"`")) return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[0]) {
      return i + 1;
    } else if (text[i] == '\n' && text[0] != '`') {
      return i;
    }
  }
  return text.size();
}

/// What brackets do in a text, and where its code begins and ends.
struct Shape {
  int depth = 0;              ///< of brackets that are open at the end
  int lowest = 0;             ///< depth in between: below 0 where one closes that opened before
  std::size_t begin = 0;      ///< of the code
  std::size_t end = 0;        ///< of the code; 0 where there is none
  std::size_t outermost = 0;  ///< where the last bracket opened at depth 0
};

Shape shape_of(std::string_view text) {
  Shape shape;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t comment = comment_bytes(text.substr(i));
    if (comment > 0 || is_space(text[i])) {
      i += std::max<std::size_t>(comment, 1);
      continue;
    }
    if (shape.end == 0) shape.begin = i;
    if (shape.depth == 0 && is_in(text[i], kOpeners)) shape.outermost = i;
    if (is_in(text[i], kOpeners)) ++shape.depth;
    if (is_in(text[i], kClosers)) shape.lowest = std::min(shape.lowest, --shape.depth);
    i += std::max<std::size_t>(string_bytes(text.substr(i)), 1);
    shape.end = i;
  }
  return shape;
}

/// The word that `code` ends with, but for a member's name.
std::string_view last_word(std::string_view code) {
  std::size_t begin = code.size();
  while (begin > 0 && is_word(code[begin - 1])) --begin;
  if (begin > 0 && code[begin - 1] == '.') return {};
  return code.substr(begin);
}

/// Whether an expression or a statement goes on after `code`, by its last character or word.
bool goes_on(std::string_view code, const Shape& shape) {
  static constexpr std::array<std::string_view, 24> kBefore = {
      "else", "do",   "try",    "finally", "return", "throw",   "await",  "yield",
      "new",  "void", "typeof", "delete",  "in",     "of",      "export", "default",
      "case", "let",  "const",  "var",     "static", "extends", "async",  "instanceof"};
  const char last = code.back();
  if (is_in(last, kOpeners)) return true;
  if (last == ',') return shape.depth > 0;
  if (last == '>') return code.ends_with("=>");
  if (last == '+' || last == '-') return !code.ends_with("++") && !code.ends_with("--");
  if (last == '!')
    return code.size() == 1 ||
           !(is_word(code[code.size() - 2]) || is_in(code[code.size() - 2], kClosers));
  // `a ? b :` or a case; Python's `if a:` is read as a statement.
  if (last == ':') {
    return code.size() == 1 || code.ends_with("default:") ||
           code.find('?') != std::string_view::npos || code.find("case ") != std::string_view::npos;
  }
  if (is_in(last, "=?&|*%^~<")) return true;
  return is_one_of(last_word(code), kBefore);
}

/// Whether `code` is the head of a statement: `if (x)`, `else if (x)`, `for await (x of y)`.
bool is_head(std::string_view code, const Shape& shape) {
  static constexpr std::array<std::string_view, 5> kHeads = {"if", "for", "while", "with", "else"};
  if (code.back() != ')' || shape.depth != 0 || !is_one_of(first_word(code), kHeads)) return false;
  // The bracket that closes last is the only one: no statement stands after the head.
  const std::string_view before = code.substr(0, shape.outermost - shape.begin);
  return std::ranges::none_of(before, [](char c) { return is_in(c, "()=;."); });
}

/// Whether `line`, what is left of a line on which brackets close, goes on with what they close.
bool continues(std::string_view line, char closer) {
  static constexpr std::array<std::string_view, 9> kAfter = {
      "as", "satisfies", "while", "of", "instanceof", "in", "else", "catch", "finally"};
  if (comment_bytes(line) == line.size()) return true;
  if (closer == ';') return false;
  const Shape shape = shape_of(line);
  const std::string_view code = line.substr(shape.begin, shape.end - shape.begin);
  if (code.empty()) return true;  // several comments
  if (shape.depth > 0 || goes_on(code, shape)) return false;
  if (shape.lowest < 0) return true;
  if (code.find_first_not_of("(){}[];, \t") == std::string_view::npos) return true;
  if (closer == ',') return false;
  if (line[0] == '!') return line.size() > 1 && is_in(line[1], ";,.)]}");
  return is_in(line[0], "(.[?:&|+-*/%<>=^`") || is_one_of(first_word(line), kAfter);
}

/// Whether `text` is a line that goes on with the line before it: `.then(f)`.
bool begins_member(std::string_view text) {
  const std::string_view rest = text.substr(text.starts_with('?') ? 1 : 0);
  return rest.size() > 1 && rest[0] == '.' && is_word(rest[1]);
}

/// The closing brackets and separators that stand at `begin` of `text`, without white space at the
/// ends. A `;` that keeps a line from going on with the line before begins what is after it.
Span closers_at(std::string_view text, std::size_t begin) {
  std::size_t end = std::min(text.find_first_not_of("})];, \t\r\n\f\v", begin), text.size());
  if (end > begin && end < text.size() && text[end - 1] == ';' && is_in(text[end], "([`") &&
      first_on_line(text, end - 1))
    --end;
  return trimmed(text, {begin, end});
}

}  // namespace

bool only_opens(std::string_view text) {
  const Shape shape = shape_of(text);
  if (shape.end == 0) return false;
  const std::string_view code = text.substr(shape.begin, shape.end - shape.begin);
  if (code.find('\n') != std::string_view::npos || shape.lowest < 0) return false;
  const Span whole = trimmed(text, {0, text.size()});
  for (std::size_t i = whole.begin; i < whole.end; ++i) {
    const std::size_t next = text.find_first_not_of(" \t\r\f\v", i + 1);
    if (text[i] == '\n' && next != std::string_view::npos && text[next] == '\n') return false;
  }
  return goes_on(code, shape) || is_head(code, shape);
}

std::size_t closing_bytes(std::string_view text, char before) {
  std::size_t closed = 0;
  for (char closer = before;;) {
    const Span run = closers_at(text, closed);
    if (run.size() > 0) {
      closed = run.end;
      closer = text[closed - 1];
    }
    const std::size_t next = trimmed(text, {closed, text.size()}).begin;
    if (next == text.size()) return closed;
    const bool same_line = text.substr(closed, next - closed).find('\n') == std::string_view::npos;
    const bool is_member = closer != ',' && closer != ';' && begins_member(text.substr(next));
    if (!same_line && !is_member) return closed;
    const Span line = trimmed(text, {next, std::min(text.find('\n', next), text.size())});
    if (!continues(slice(text, line), closer)) return closed;
    closed = line.end;
    closer = text[closed - 1];
  }
}

}  // namespace forkdex
