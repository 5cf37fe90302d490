#include "worker/parse/flow_words.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "worker/parse/span.h"
#include "worker/parse/words.h"

namespace forkdex {
namespace {

constexpr std::string_view kHook = "hook";
constexpr std::string_view kFunction = "function";
/// Each costs an edit of the tree.
constexpr std::size_t kMostHooks = 1000;
/// No head of a declaration is longer.
constexpr std::size_t kFar = 10'000;

class FlowRewriting {
 public:
  explicit FlowRewriting(std::string_view text) : text_(text) {}

  std::optional<OlderText> run() && {
    for (std::size_t at = 0; at < text_.size();) at = visit(at);
    if (!changed_ && hooks_.empty()) return std::nullopt;
    return OlderText(text_, hooks_, kHook.size(), kFunction);
  }

 private:
  /// Looks at the word or mark at `at`. Gives where the next one is.
  std::size_t visit(std::size_t at) {
    const char c = text_[at];
    if (is_word(c)) return visit_word(at);
    if (is_space(c)) return at + 1;
    const bool is_sign = (c == '+' || c == '-') && std::string_view("<,{|;").find(last_) != npos;
    if (is_sign && at + 1 < text_.size() && (is_word(text_[at + 1]) || text_[at + 1] == '['))
      blank({at, at + 1});
    if (c == '.' && text_.compare(at, 3, "...") == 0) rewrite_dots(at);
    if (c == '%' && text_.compare(at, 7, "%checks") == 0) blank({at, at + 7});
    last_ = c;
    return at + 1;
  }

  std::size_t visit_word(std::size_t begin) {
    const Span word = word_at(begin);
    const Span next = word_at(skip_spaces(word.end));
    if (next.size() > 0) visit_words(word, next);
    after_export_ = slice(text_, word) == "export" || slice(text_, word) == "declare";
    after_enum_ = std::exchange(is_enum_, slice(text_, word) == "enum");
    last_ = 'a';
    return word.end;
  }

  void visit_words(Span word, Span next) {
    const auto is = [&](Span span, std::string_view text) { return slice(text_, span) == text; };
    if (is(word, "opaque") && is(next, "type")) {
      put(word.begin, after_export_ ? "      " : "export");
      rewrite_opaque(word_at(skip_spaces(next.end)).end);
    } else if (is(word, "component") && begins_function(word, next)) {
      put(word.begin, "function ");
      rewrite_component(skip_type_parameters(skip_spaces(next.end)));
    } else if (is(word, kHook) && begins_function(word, next)) {
      if (hooks_.size() < kMostHooks) hooks_.push_back(word.begin);
    } else if (is(word, "declare") && is(next, "export")) {
      if (!is(word_at(skip_spaces(next.end)), "default")) blank(next);
    } else if (is(next, "typeof") && is(word, "import")) {
      blank(next);
    } else if (is(word, "of") && after_enum_) {
      blank({word.begin, next.end});
    }
  }

  /// Whether `name` follows `word` on its line and parameters follow that.
  bool begins_function(Span word, Span name) const {
    const std::size_t open = skip_spaces(name.end);
    return slice(text_, {word.end, name.begin}).find('\n') == npos && open < text_.size() &&
           (text_[open] == '(' || text_[open] == '<');
  }

  std::size_t skip_type_parameters(std::size_t at) const {
    if (at >= text_.size() || text_[at] != '<') return at;
    const std::size_t open = std::string_view(text_).substr(at, kFar).find('(');
    return open == npos ? text_.size() : at + open;
  }

  /// Removes the bound of an opaque type, whose name ends at `at`.
  void rewrite_opaque(std::size_t at) {
    at = skip_spaces(at);
    if (at >= text_.size() || text_[at] != ':') return;
    const std::string_view rest = std::string_view(text_).substr(at, kFar);
    const std::size_t end = at + std::min(rest.find_first_of(";\n"), rest.size());
    for (std::size_t i = at; i < end; ++i) {
      if (text_[i] != '=' || text_.compare(i, 2, "=>") == 0) continue;
      blank({at, i});
      return;
    }
    put(at, "=");
  }

  /// Rewrites a component's parameters, which begin at `open`, and what it renders.
  void rewrite_component(std::size_t open) {
    const std::size_t end = std::min(text_.size(), open + kFar);
    std::size_t begin = open + 1;  // of a parameter
    int depth = 0;
    for (std::size_t i = open; i < end; ++i) {
      const char c = text_[i];
      if (c == '(' || c == '{' || c == '[') ++depth;
      if ((c == ')' || c == '}' || c == ']') && --depth == 0) return rewrite_renders(i + 1);
      if (depth == 1 && c == ',') begin = i + 1;
      if (depth == 1 && begin != npos && text_.compare(i, 4, " as ") == 0) {
        blank({begin, i + 3});
        begin = npos;
      }
      if (depth == 1 && c == ':') begin = npos;  // a type's `as` is none of a name
    }
  }

  void rewrite_renders(std::size_t at) {
    constexpr std::string_view kRenders = "renders";
    at = skip_spaces(at);
    if (text_.compare(at, kRenders.size(), kRenders) != 0) return;
    put(at, ":");
    const std::size_t end = at + kRenders.size();
    const bool is_marked = end < text_.size() && (text_[end] == '?' || text_[end] == '*');
    blank({at + 1, end + (is_marked ? 1 : 0)});
  }

  /// Removes the dots of an object type that is not exact.
  void rewrite_dots(std::size_t at) {
    const std::size_t next = skip_spaces(at + 3);
    if (next < text_.size() && text_[next] == '}') blank({at, at + 3});
  }

  Span word_at(std::size_t begin) const {
    std::size_t end = begin;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return {begin, end};
  }

  std::size_t skip_spaces(std::size_t at) const {
    while (at < text_.size() && is_space(text_[at])) ++at;
    return at;
  }

  void blank(Span span) { put(span.begin, std::string(span.size(), ' ')); }

  void put(std::size_t at, std::string_view word) {
    text_.replace(at, word.size(), word);
    changed_ = true;
  }

  static constexpr std::size_t npos = std::string_view::npos;
  std::string text_;
  std::vector<std::size_t> hooks_;
  char last_ = ';';            // the last character that is not white space; `a` for a word's
  bool after_export_ = false;  // the last word is `export` or `declare`
  bool is_enum_ = false;       // the last word is `enum`
  bool after_enum_ = false;    // the last word is that after it
  bool changed_ = false;
};

}  // namespace

std::optional<OlderText> flow_in_older_words(std::string_view text) {
  return FlowRewriting(text).run();
}

}  // namespace forkdex
