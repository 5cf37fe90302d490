#include "worker/parse/older_words.h"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/parse/span.h"
#include "worker/parse/words.h"

namespace forkdex {
namespace {

/// White space that ends no line.
bool is_blank(char c) { return is_space(c) && c != '\n' && c != '\r'; }

/// A text that is rewritten in place.
class Rewriting {
 public:
  Rewriting(std::string_view text, bool is_typescript)
      : text_(text), knows_using_(!is_typescript) {}

  std::optional<std::string> run() && {
    rewrite_words();
    if (!knows_using_) begin_members();
    if (!changed_) return std::nullopt;
    return std::move(text_);
  }

 private:
  void rewrite_words() {
    char last = '\n';  // the last character before `begin` that stays and is not white space
    for (std::size_t begin = 0; begin < text_.size();) {
      if (!is_word(text_[begin])) {
        if (!is_space(text_[begin])) last = text_[begin];
        ++begin;
        continue;
      }
      std::size_t end = begin;
      while (end < text_.size() && is_word(text_[end])) ++end;
      const std::string_view word = std::string_view(text_).substr(begin, end - begin);
      if (word == "using") rewrite_using(begin, end);
      const bool is_modifier = !knows_using_ && (word == "in" || word == "out" || word == "const");
      const bool before_parameter = (last == '<' || last == ',') && before_word(end);
      if (is_modifier && before_parameter) {
        // Before the name of a type parameter: behind `<`, a comma, or another such word.
        put(begin, std::string_view("     ").substr(0, end - begin));
      } else {
        last = text_[end - 1];
      }
      begin = end;
    }
  }

  /// Whether another word follows on the line, as a declared name follows `using`.
  bool before_word(std::size_t end) const {
    const std::size_t next = skip_blanks(end);
    return next > end && next < text_.size() && is_word(text_[next]);
  }

  std::size_t skip_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }

  void rewrite_using(std::size_t begin, std::size_t end) {
    if (begin > 0 && text_[begin - 1] == '.') return;
    if (!declares(end)) {
      put(begin, "usin_");
      return;
    }
    if (knows_using_) return;
    put(begin, "const");
    std::size_t before = begin;
    while (before > 0 && is_blank(text_[before - 1])) --before;
    constexpr std::string_view kAwait = "await";
    if (before >= kAwait.size() &&
        std::string_view(text_).substr(before - kAwait.size(), kAwait.size()) == kAwait)
      put(before - kAwait.size(), "     ");
  }

  /// Whether a declared name follows `using`, which ends at `end`, and not an operator.
  bool declares(std::size_t end) const {
    static constexpr std::array<std::string_view, 5> kOperators = {"of", "in", "instanceof", "as",
                                                                   "satisfies"};
    if (!before_word(end)) return false;
    const std::size_t next = skip_blanks(end);
    std::size_t next_end = next;
    while (next_end < text_.size() && is_word(text_[next_end])) ++next_end;
    const std::string_view word = std::string_view(text_).substr(next, next_end - next);
    return std::ranges::find(kOperators, word) == kOperators.end();
  }

  /// Ends the member before a line that begins with `<` or `[word:`. The grammar takes such lines
  /// for more of the type before.
  void begin_members() {
    char last = '\n';  // the last character of code before the line
    for (std::size_t line = 0; line < text_.size();) {
      const std::size_t begin = skip_blanks(line);
      const std::size_t end = std::min(text_.find('\n', line), text_.size());
      if (begin > line && begins_member(begin) && ends_type(last)) put(begin - 1, ";");
      for (std::size_t i = end; i > begin; --i) {
        if (is_space(text_[i - 1])) continue;
        last = text_[i - 1];
        break;
      }
      line = end + 1;
    }
  }

  bool begins_member(std::size_t begin) const {
    if (begin + 1 >= text_.size()) return false;
    if (text_[begin] == '<') return is_word(text_[begin + 1]) || is_space(text_[begin + 1]);
    if (text_[begin] != '[' || !is_word(text_[begin + 1])) return false;
    std::size_t end = begin + 1;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return end < text_.size() && (text_[end] == ':' || text_[end] == ' ');
  }

  static bool ends_type(char last) {
    return is_word(last) || last == '>' || last == ']' || last == '}' || last == ')' ||
           last == '"' || last == '\'';
  }

  void put(std::size_t at, std::string_view word) {
    text_.replace(at, word.size(), word);
    changed_ = true;
  }

  std::string text_;
  bool knows_using_;  // the grammar is JavaScript's
  bool changed_ = false;
};

}  // namespace

std::optional<std::string> in_older_words(std::string_view language, std::string_view text) {
  const bool is_typescript = language == "typescript" || language == "tsx";
  if (!is_typescript && language != "javascript") return std::nullopt;
  return Rewriting(text, is_typescript).run();
}

}  // namespace forkdex
