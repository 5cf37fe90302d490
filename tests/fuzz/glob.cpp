// Globs: what any pattern says of any text is what the rules say, read one byte after the other.

#include "common/base/glob.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

// wildmatch without sets, by trying everything: slow and plain.
class Trial {
 public:
  Trial(std::string_view pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  bool matches(std::size_t at, std::size_t from) const {
    if (at == pattern_.size()) return from == text_.size();
    if (pattern_[at] == '*') return run(at, from);
    if (from == text_.size()) return false;
    if (pattern_[at] == '?') return text_[from] != '/' && matches(at + 1, from + 1);
    if (pattern_[at] == '\\' && ++at == pattern_.size()) return false;
    return pattern_[at] == text_[from] && matches(at + 1, from + 1);
  }

 private:
  bool run(std::size_t at, std::size_t from) const {
    const std::size_t end = std::min(pattern_.find_first_not_of('*', at), pattern_.size());
    const bool last = end == pattern_.size();
    const bool escaped_slash = pattern_.substr(end, 2) == "\\/";
    const bool folders = end - at > 1 && (at == 0 || pattern_[at - 1] == '/') &&
                         (last || pattern_[end] == '/' || escaped_slash);
    if (folders && !last && !escaped_slash) {
      // "**/": nothing, or anything that ends with a slash.
      for (std::size_t to = from; to <= text_.size(); ++to)
        if ((to == from || text_[to - 1] == '/') && matches(end + 1, to)) return true;
      return false;
    }
    for (std::size_t to = from; to <= text_.size(); ++to) {
      if (matches(end, to)) return true;
      if (to < text_.size() && text_[to] == '/' && !folders) return false;
    }
    return false;
  }

  std::string_view pattern_;
  std::string_view text_;
};

bool few_runs(std::string_view pattern) { return std::ranges::count(pattern, '*') <= 6; }

// The pattern that means `text` and nothing else.
std::string quoted(std::string_view text) {
  std::string pattern;
  for (const char c : text) pattern.append({'\\', c});
  return pattern;
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::string_view pattern = input.line();
  const std::string_view text = input.rest();
  const bool matched = wildmatch(pattern, text);
  wildmatch(pattern, text, true);
  if (matched && !pattern.ends_with('/')) expect(is_glob(pattern), "what matches is a glob");
  if (pattern.find('[') == std::string_view::npos && few_runs(pattern) && text.size() <= 32)
    expect(matched == Trial(pattern, text).matches(0, 0), "a glob means what its bytes say");
  expect(wildmatch(quoted(text), text), "a quoted text matches itself");
  expect(wildmatch("**", text), "** matches everything");
  expect(wildmatch("*", text) == (text.find('/') == std::string_view::npos), "* stays in a folder");
  if (glob_match(pattern, text)) expect(is_glob(pattern), "what names a path is a glob");
}

const Registration kTarget("glob", check);

}  // namespace
}  // namespace forkdex::fuzz
