#include "common/base/glob.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkdex {
namespace {

using ByteSet = std::bitset<256>;

// ASCII only, whatever the locale: a name's bytes mean the same on every machine.
bool is_lower(int c) { return c >= 'a' && c <= 'z'; }
bool is_upper(int c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_alnum(int c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_graph(int c) { return c > 0x20 && c < 0x7F; }
int to_lower(int c) { return is_upper(c) ? c + ('a' - 'A') : c; }
int to_upper(int c) { return is_lower(c) ? c - ('a' - 'A') : c; }
int byte_of(char c) { return static_cast<std::uint8_t>(c); }

bool in_named_class(std::string_view name, int c, bool& known) {
  known = true;
  if (name == "alnum") return is_alnum(c);
  if (name == "alpha") return is_lower(c) || is_upper(c);
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return c < 0x20 || c == 0x7F;
  if (name == "digit") return is_digit(c);
  if (name == "graph") return is_graph(c);
  if (name == "lower") return is_lower(c);
  if (name == "print") return is_graph(c) || c == ' ';
  if (name == "punct") return is_graph(c) && !is_alnum(c);
  if (name == "space") return is_space(c);
  if (name == "upper") return is_upper(c);
  if (name == "xdigit") return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
  known = false;
  return false;
}

/// Reads one `[…]`. The set is over folded text bytes where case is folded.
class BracketReader {
 public:
  BracketReader(std::string_view pattern, std::size_t after_bracket, bool fold_case)
      : pattern_(pattern), at_(after_bracket), fold_case_(fold_case) {}

  /// False for a malformed set. After success end() is the index behind the closing bracket.
  bool read() {
    bool negated = false;
    if (at_ < pattern_.size() && (pattern_[at_] == '!' || pattern_[at_] == '^')) {
      negated = true;
      ++at_;
    }
    // A ']' that comes first is a member, hence the test at the end.
    do {
      if (at_ >= pattern_.size() || !read_member()) return false;
    } while (at_ >= pattern_.size() || pattern_[at_] != ']');
    ++at_;
    if (negated) set_.flip();
    set_.reset('/');
    return true;
  }

  std::size_t end() const { return at_; }
  const ByteSet& set() const { return set_; }

 private:
  bool read_member() {
    const char c = pattern_[at_];
    if (c == '-' && before_ != 0 && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']')
      return read_range();
    if (c == '[' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] == ':') return read_named();
    if (c == '\\' && ++at_ >= pattern_.size()) return false;
    add_single();
    return true;
  }

  void add_single() {
    before_ = byte_of(pattern_[at_++]);
    set_.set(static_cast<std::size_t>(before_));
  }

  bool read_range() {
    ++at_;
    if (pattern_[at_] == '\\' && ++at_ >= pattern_.size()) return false;
    const int last = byte_of(pattern_[at_++]);
    for (int c = 0; c < 256; ++c) {
      const int upper = fold_case_ ? to_upper(c) : c;
      if ((c >= before_ && c <= last) || (upper >= before_ && upper <= last))
        set_.set(static_cast<std::size_t>(c));
    }
    before_ = 0;
    return true;
  }

  bool read_named() {
    const std::size_t name = at_ + 2;
    // Kept, or a set full of "[:" would be read to its end for each of them.
    if (close_ < name) close_ = pattern_.find(']', name);
    const std::size_t close = close_;
    if (close == std::string_view::npos) return false;
    if (close == name || pattern_[close - 1] != ':') {  // "[:" without ":]": two plain members
      add_single();
      return true;
    }
    const std::string_view text = pattern_.substr(name, close - 1 - name);
    bool known = false;
    for (int c = 0; c < 256; ++c) {
      bool member = in_named_class(text, c, known);
      if (fold_case_ && text == "upper") member = member || is_lower(c);
      if (member) set_.set(static_cast<std::size_t>(c));
    }
    before_ = 0;
    at_ = close + 1;
    return known;
  }

  std::string_view pattern_;
  std::size_t at_;
  bool fold_case_;
  std::size_t close_ = 0;  // the first ']' behind the last "[:"
  int before_ = 0;         // what a range would start with; 0 for nothing
  ByteSet set_;
};

/// The prefixes of the text that the pattern read so far matches: reached_[j] stands for
/// text[0, j). One row, changed in place token by token, is what keeps the time bounded.
class Row {
 public:
  Row(std::string_view text, bool fold_case) : text_(text), fold_case_(fold_case) {
    if (text.size() < small_.size()) {
      reached_ = small_.data();
      std::fill_n(reached_, text.size() + 1, std::uint8_t{0});
    } else {
      large_.resize(text.size() + 1);
      reached_ = large_.data();
    }
    reached_[0] = true;
  }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  /// One byte for which `accepts` holds. False when nothing is left to match.
  template <class Accepts>
  bool one(Accepts accepts) {
    for (std::size_t j = std::min(high_ + 1, text_.size()); j > low_; --j)
      reached_[j] = reached_[j - 1] && accepts(byte(j - 1));
    reached_[low_] = false;
    if (high_ < text_.size()) ++high_;
    while (low_ < high_ && !reached_[low_]) ++low_;
    while (high_ > low_ && !reached_[high_]) --high_;
    return reached_[low_] != 0;
  }

  void run_within_folder() {
    for (std::size_t j = low_ + 1; j <= text_.size(); ++j)
      reached_[j] = reached_[j] || (reached_[j - 1] && text_[j - 1] != '/');
    raise_high();
  }

  void run_of_anything() {
    std::fill(reached_ + low_, reached_ + text_.size() + 1, std::uint8_t{1});
    high_ = text_.size();
  }

  void run_of_folders() {
    for (std::size_t j = low_ + 1; j <= text_.size(); ++j)
      reached_[j] = reached_[j] || text_[j - 1] == '/';
    raise_high();
  }

  bool whole() const { return reached_[text_.size()] != 0; }

 private:
  int byte(std::size_t i) const {
    return fold_case_ ? to_lower(byte_of(text_[i])) : byte_of(text_[i]);
  }
  void raise_high() {
    high_ = text_.size();
    while (high_ > low_ && !reached_[high_]) --high_;
  }

  std::string_view text_;
  bool fold_case_;
  std::size_t low_ = 0;   // first true
  std::size_t high_ = 0;  // last true
  std::uint8_t* reached_ = nullptr;
  std::array<std::uint8_t, 512> small_;  // left uninitialised: one memset of what is used
  std::vector<std::uint8_t> large_;
};

/// Applies the run of asterisks at `at`; gives the index behind what it took.
std::size_t apply_asterisks(std::string_view pattern, std::size_t at, Row& row) {
  std::size_t end = at;
  while (end < pattern.size() && pattern[end] == '*') ++end;
  const std::string_view rest = pattern.substr(end);
  const bool starts_part = at == 0 || pattern[at - 1] == '/';
  const bool ends_part = rest.empty() || rest[0] == '/' || rest.substr(0, 2) == "\\/";
  if (end - at == 1 || !starts_part || !ends_part) {
    row.run_within_folder();
    return end;
  }
  if (rest.empty() || rest[0] != '/') {
    row.run_of_anything();
    return end;
  }
  row.run_of_folders();  // with its slash, so that a/**/b matches a/b
  return end + 1;
}

}  // namespace

bool equal_bytes(std::string_view left, std::string_view right, bool fold_case) {
  if (!fold_case) return left == right;
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return to_lower(byte_of(a)) == to_lower(byte_of(b)); });
}

bool wildmatch(std::string_view pattern, std::string_view text, bool fold_case) {
  Row row(text, fold_case);
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    bool alive = true;
    if (c == '*') {
      at = apply_asterisks(pattern, at, row);
    } else if (c == '?') {
      alive = row.one([](int byte) { return byte != '/'; });
      ++at;
    } else if (c == '[') {
      BracketReader bracket(pattern, at + 1, fold_case);
      if (!bracket.read()) return false;
      alive = row.one([&](int byte) { return bracket.set().test(static_cast<std::size_t>(byte)); });
      at = bracket.end();
    } else {
      const bool escaped = c == '\\';
      if (escaped && ++at == pattern.size()) return false;
      // git folds the text but not an escaped byte of the pattern: `\A` matches neither case.
      const int wanted = fold_case && !escaped ? to_lower(byte_of(c)) : byte_of(pattern[at]);
      alive = row.one([wanted](int byte) { return byte == wanted; });
      ++at;
    }
    if (!alive) return false;
  }
  return row.whole();
}

bool is_glob(std::string_view pattern) {
  if (pattern.ends_with('/')) pattern.remove_suffix(1);  // as glob_match does
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '[') {
      BracketReader bracket(pattern, at + 1, false);
      if (!bracket.read()) return false;
      at = bracket.end();
    } else {
      if (pattern[at] == '\\' && ++at == pattern.size()) return false;
      ++at;
    }
  }
  return true;
}

bool glob_match(std::string_view pattern, std::string_view path) {
  const bool folder_only = pattern.ends_with('/');
  if (folder_only) pattern.remove_suffix(1);
  const bool by_path = pattern.find('/') != std::string_view::npos;
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  std::size_t part = 0;
  while (true) {
    const std::size_t end = path.find('/', part);
    const bool is_folder = end != std::string_view::npos;
    const std::string_view prefix = path.substr(0, end);
    if ((is_folder || !folder_only) && wildmatch(pattern, by_path ? prefix : prefix.substr(part)))
      return true;
    if (!is_folder) return false;
    part = end + 1;
  }
}

}  // namespace forkdex
