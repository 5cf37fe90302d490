#include "common/words/words.h"

#include <unicase.h>
#include <unictype.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

/// What a character is to words.
enum class Letter : std::uint8_t {
  kNone,   // separates words
  kJoint,  // belongs to an identifier and separates its parts
  kSmall,  // and every letter without a case
  kCapital,
  kDigit,
  kAlone,  // of a script without spaces
};

Letter ascii_letter(char c) {
  if (c >= 'a' && c <= 'z') return Letter::kSmall;
  if (c >= 'A' && c <= 'Z') return Letter::kCapital;
  if (c >= '0' && c <= '9') return Letter::kDigit;
  return c == '_' || c == '$' ? Letter::kJoint : Letter::kNone;
}

bool is_kana(char32_t c) { return c >= 0x3041 && c <= 0x30FF; }

Letter letter_beyond_ascii(char32_t c) {
  if (uc_is_property_ideographic(c) || is_kana(c)) return Letter::kAlone;
  if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Lu | UC_CATEGORY_MASK_Lt))
    return Letter::kCapital;
  if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M))
    return Letter::kSmall;
  return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_N) ? Letter::kDigit : Letter::kNone;
}

/// One identifier, taken character by character and told as a whole and in parts.
class Identifier {
 public:
  explicit Identifier(const std::function<void(std::string_view)>& visit) : visit_(visit) {}

  /// Appends a character: what it is, and itself in lower case.
  void add(Letter letter, std::string_view lower) {
    characters_.push_back({letter, text_.size()});
    text_ += lower;
  }

  void end() {
    if (characters_.empty()) return;
    const std::size_t letters = static_cast<std::size_t>(
        std::count_if(characters_.begin(), characters_.end(),
                      [](const Character& c) { return c.letter != Letter::kJoint; }));
    if (letters > 0) tell(0, characters_.size());
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= characters_.size(); ++i) {
      if (i < characters_.size() && !begins_part(i)) continue;
      const bool is_joint = characters_[begin].letter == Letter::kJoint;
      const std::size_t size = i - begin;
      if (!is_joint && size > 1 && size < characters_.size()) tell(begin, i);
      begin = i;
    }
    characters_.clear();
    text_.clear();
  }

 private:
  struct Character {
    Letter letter;
    std::size_t at;  // of its bytes in text_
  };

  /// A joint, what follows one, a digit beside a letter, and a capital that follows anything but a
  /// capital or stands before a small letter.
  bool begins_part(std::size_t i) const {
    const Letter before = characters_[i - 1].letter;
    const Letter letter = characters_[i].letter;
    if (letter == Letter::kJoint || before == Letter::kJoint) return letter != before;
    if (letter == Letter::kDigit || before == Letter::kDigit) return letter != before;
    if (letter != Letter::kCapital) return false;
    const bool small_follows =
        i + 1 < characters_.size() && characters_[i + 1].letter == Letter::kSmall;
    return before != Letter::kCapital || small_follows;
  }

  void tell(std::size_t begin, std::size_t end) const {
    const std::size_t from = characters_[begin].at;
    const std::size_t to = end < characters_.size() ? characters_[end].at : text_.size();
    if (to - from <= kMaxWordBytes) visit_(std::string_view(text_).substr(from, to - from));
  }

  const std::function<void(std::string_view)>& visit_;
  std::string text_;  // in lower case
  std::vector<Character> characters_;
};

/// Characters of scripts without spaces that follow each other, told in pairs.
class Neighbours {
 public:
  explicit Neighbours(const std::function<void(std::string_view)>& visit) : visit_(visit) {}

  void add(std::string_view character) {
    if (!last_.empty()) {
      visit_(last_ + std::string(character));
      paired_ = true;
    }
    last_ = character;
  }

  void end() {
    if (!last_.empty() && !paired_) visit_(last_);
    last_.clear();
    paired_ = false;
  }

 private:
  const std::function<void(std::string_view)>& visit_;
  std::string last_;
  bool paired_ = false;
};

}  // namespace

void for_each_word(std::string_view text, const std::function<void(std::string_view word)>& visit) {
  Identifier identifier(visit);
  Neighbours neighbours(visit);
  std::string lower;
  while (!text.empty()) {
    const Utf8Character next = first_character(text);
    const std::string_view bytes = text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
    const bool is_ascii = next.code_point < 0x80;
    Letter letter = Letter::kNone;
    if (next.valid)
      letter = is_ascii ? ascii_letter(bytes.front()) : letter_beyond_ascii(next.code_point);
    if (letter != Letter::kAlone) neighbours.end();
    if (letter == Letter::kNone || letter == Letter::kAlone) identifier.end();
    if (letter == Letter::kNone) continue;
    if (letter == Letter::kAlone) {
      neighbours.add(bytes);
      continue;
    }
    lower.clear();
    if (letter == Letter::kCapital && is_ascii)
      lower += static_cast<char>(bytes.front() - 'A' + 'a');
    else if (letter == Letter::kCapital)
      append_utf8(uc_tolower(next.code_point), lower);
    else
      lower = bytes;
    identifier.add(letter, lower);
  }
  neighbours.end();
  identifier.end();
}

}  // namespace forkdex
