#include "worker/embed/tokenizer/byte_level.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

enum class CharacterClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

CharacterClass classify(char32_t code) {
  if (unicode::is_letter(code)) return CharacterClass::kLetter;
  if (unicode::is_number(code)) return CharacterClass::kNumber;
  if (unicode::is_whitespace(code)) return CharacterClass::kSpace;
  return CharacterClass::kOther;
}

CharacterClass take_class(std::string_view& text) {
  static const auto kAscii = [] {
    std::array<CharacterClass, 128> classes{};
    for (std::size_t i = 0; i < classes.size(); ++i)
      classes[i] = classify(static_cast<char32_t>(i));
    return classes;
  }();
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte >= 0x80) return classify(unicode::take_code_point(text));
  text.remove_prefix(1);
  return kAscii[byte];
}

// The pattern's first alternatives, in its order.
std::size_t contraction(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

// Bytes of whitespace at the front of `text`, without the last character if something follows and
// that is not all there is.
std::size_t whitespace_piece(std::string_view text) {
  std::string_view rest = text;
  std::size_t before_last = 0;
  while (!rest.empty()) {
    std::string_view after = rest;
    if (take_class(after) != CharacterClass::kSpace) {
      const std::size_t all = text.size() - rest.size();
      return before_last > 0 ? before_last : all;
    }
    before_last = text.size() - rest.size();
    rest = after;
  }
  return text.size();
}

// The UTF-8 of the character that stands for each byte: itself where it is printable, else the next
// free one from U+0100 on.
const std::array<std::string, 256>& visible_bytes() {
  static const auto kVisible = [] {
    std::array<std::string, 256> all;
    char32_t free = 0x100;
    for (unsigned byte = 0; byte < all.size(); ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      append_utf8(printable ? static_cast<char32_t>(byte) : free++, all[byte]);
    }
    return all;
  }();
  return kVisible;
}

}  // namespace

std::size_t ByteLevel::first_piece(std::string_view text) {
  if (text[0] == '\'')
    if (const std::size_t bytes = contraction(text)) return bytes;
  std::string_view rest = text;
  CharacterClass kind = take_class(rest);
  if (text[0] == ' ' && !rest.empty()) {
    std::string_view after = rest;
    kind = take_class(after);
    if (kind != CharacterClass::kSpace) rest = after;
  }
  if (kind == CharacterClass::kSpace) return whitespace_piece(text);
  while (!rest.empty()) {
    std::string_view after = rest;
    if (take_class(after) != kind) break;
    rest = after;
  }
  return text.size() - rest.size();
}

bool ByteLevel::split(std::string_view text, bool, const Sink& sink) const {
  if (text.empty()) return true;
  std::string spaced;
  if (rules_.add_prefix_space && text[0] != ' ') {
    spaced.reserve(text.size() + 1);
    spaced.append(" ").append(text);
    text = spaced;
  }
  std::string visible;
  while (!text.empty()) {
    const std::size_t bytes = rules_.use_pattern ? first_piece(text) : text.size();
    visible.clear();
    for (const char byte : text.substr(0, bytes))
      visible.append(visible_bytes()[static_cast<unsigned char>(byte)]);
    if (!sink(visible)) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace forkdex
