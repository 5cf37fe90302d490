#include "worker/embed/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

enum class CharacterClass : std::uint8_t { kWord, kSpace, kPunctuation };

CharacterClass classify(char32_t code) {
  if (unicode::is_whitespace(code)) return CharacterClass::kSpace;
  if (unicode::is_punctuation(code)) return CharacterClass::kPunctuation;
  return CharacterClass::kWord;
}

const std::array<CharacterClass, 128>& ascii_classes() {
  static const auto kClasses = [] {
    std::array<CharacterClass, 128> classes{};
    for (std::size_t i = 0; i < classes.size(); ++i)
      classes[i] = classify(static_cast<char32_t>(i));
    return classes;
  }();
  return kClasses;
}

CharacterClass take_class(std::string_view& text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte >= 0x80) return classify(unicode::take_code_point(text));
  text.remove_prefix(1);
  return ascii_classes()[byte];
}

}  // namespace

bool PreTokenizerSequence::split_from(std::size_t step, std::string_view text, bool at_start,
                                      const Sink& sink) const {
  if (step == steps_.size()) return text.empty() || sink(text);
  if (step + 1 == steps_.size()) return steps_[step]->split(text, at_start, sink);
  return steps_[step]->split(text, at_start, [&](std::string_view piece) {
    return split_from(step + 1, piece, false, sink);
  });
}

bool PreTokenizerSequence::split(std::string_view text, bool at_start, const Sink& sink) const {
  return split_from(0, text, at_start, sink);
}

bool BertPreTokenizer::split(std::string_view text, bool, const Sink& sink) const {
  const char* word = text.data();
  while (!text.empty()) {
    const char* here = text.data();
    const CharacterClass kind = take_class(text);
    if (kind == CharacterClass::kWord) continue;
    if (word < here && !sink({word, here})) return false;
    word = text.data();
    if (kind == CharacterClass::kPunctuation && !sink({here, word})) return false;
  }
  return word == text.data() || sink({word, text.data()});
}

bool WhitespaceSplit::split(std::string_view text, bool, const Sink& sink) const {
  const char* word = text.data();
  while (!text.empty()) {
    const char* here = text.data();
    if (take_class(text) != CharacterClass::kSpace) continue;
    if (word < here && !sink({word, here})) return false;
    word = text.data();
  }
  return word == text.data() || sink({word, text.data()});
}

std::string Metaspace::with_replacements(std::string_view text, bool at_start) const {
  std::string replaced;
  replaced.reserve(text.size() + text.size() / 2);
  const bool wanted =
      rules_.prepend == Prepend::kAlways || (rules_.prepend == Prepend::kFirst && at_start);
  if (wanted && text[0] != ' ' && !text.starts_with(rules_.replacement))
    replaced.append(rules_.replacement);
  for (const char byte : text) {
    if (byte == ' ')
      replaced.append(rules_.replacement);
    else
      replaced.push_back(byte);
  }
  return replaced;
}

bool Metaspace::split(std::string_view text, bool at_start, const Sink& sink) const {
  if (text.empty()) return true;
  const std::string replaced = with_replacements(text, at_start);
  if (!rules_.split) return sink(replaced);
  std::string_view rest = replaced;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(rules_.replacement, 1), rest.size());
    if (!sink(rest.substr(0, end))) return false;
    rest.remove_prefix(end);
  }
  return true;
}

}  // namespace forkdex
