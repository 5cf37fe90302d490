#include "worker/embed/tokenizer/graphemes.h"

#include "worker/embed/tokenizer/code_ranges.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

using unicode::CodeRange;
using unicode::find_range;

#include "worker/embed/tokenizer/grapheme_tables.inc"

constexpr char32_t kZeroWidthJoiner = 0x200D;

bool is_between(char32_t code, char32_t first, char32_t last) {
  return code >= first && code <= last;
}

bool is_leading_jamo(char32_t code) {
  return is_between(code, 0x1100, 0x115F) || is_between(code, 0xA960, 0xA97C);
}
bool is_vowel_jamo(char32_t code) {
  return is_between(code, 0x1160, 0x11A7) || is_between(code, 0xD7B0, 0xD7C6);
}
bool is_trailing_jamo(char32_t code) {
  return is_between(code, 0x11A8, 0x11FF) || is_between(code, 0xD7CB, 0xD7FB);
}
bool is_syllable(char32_t code) { return is_between(code, 0xAC00, 0xD7A3); }
bool is_open_syllable(char32_t code) { return is_syllable(code) && (code - 0xAC00) % 28 == 0; }

bool is_one_syllable(char32_t left, char32_t right) {
  if (is_leading_jamo(left))
    return is_leading_jamo(right) || is_vowel_jamo(right) || is_syllable(right);
  if (is_vowel_jamo(left) || is_open_syllable(left))
    return is_vowel_jamo(right) || is_trailing_jamo(right);
  return (is_trailing_jamo(left) || is_syllable(left)) && is_trailing_jamo(right);
}

// A cluster as it grows, character by character.
class Cluster {
 public:
  explicit Cluster(char32_t first)
      : last_(first),
        pictograph_(find_range(kPictographs, first) ? Pictograph::kOpen : Pictograph::kNone),
        conjunct_(find_range(kConsonants, first) ? Conjunct::kConsonant : Conjunct::kNone) {}

  // Whether `next` belongs to it; if so it is taken.
  bool take(char32_t next) {
    if (!belongs(next)) return false;
    follow_pictograph(next);
    follow_conjunct(next);
    last_ = next;
    return true;
  }

 private:
  // Which sequence of emoji the cluster ends in.
  enum class Pictograph { kNone, kOpen, kJoined };  // joined: a zero width joiner stands last
  // Which sequence of an Indic script.
  enum class Conjunct { kNone, kConsonant, kLinked };

  bool belongs(char32_t next) const {
    if (last_ == '\r') return next == '\n';
    if (find_range(kControls, last_) || find_range(kControls, next)) return false;
    if (find_range(kJoiners, next) || find_range(kPrepends, last_)) return true;
    if (is_one_syllable(last_, next)) return true;
    if (pictograph_ == Pictograph::kJoined && find_range(kPictographs, next)) return true;
    return conjunct_ == Conjunct::kLinked && find_range(kConsonants, next);
  }

  void follow_pictograph(char32_t next) {
    if (find_range(kPictographs, next))
      pictograph_ = Pictograph::kOpen;
    else if (pictograph_ == Pictograph::kOpen && next == kZeroWidthJoiner)
      pictograph_ = Pictograph::kJoined;
    else if (pictograph_ != Pictograph::kOpen || !find_range(kExtends, next))
      pictograph_ = Pictograph::kNone;
  }

  void follow_conjunct(char32_t next) {
    if (find_range(kConsonants, next))
      conjunct_ = Conjunct::kConsonant;
    else if (conjunct_ != Conjunct::kNone && find_range(kLinkers, next))
      conjunct_ = Conjunct::kLinked;
    else if (!find_range(kConjunctExtends, next))
      conjunct_ = Conjunct::kNone;
  }

  char32_t last_;
  Pictograph pictograph_;
  Conjunct conjunct_;
};

}  // namespace

std::size_t first_grapheme(std::string_view text) {
  std::string_view rest = text;
  Cluster cluster(unicode::take_code_point(rest));
  while (!rest.empty()) {
    std::string_view after = rest;
    if (!cluster.take(unicode::take_code_point(after))) break;
    rest = after;
  }
  return text.size() - rest.size();
}

}  // namespace forkdex
