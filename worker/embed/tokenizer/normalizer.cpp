#include "worker/embed/tokenizer/normalizer.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {

void NormalizerSequence::append(std::string_view text, std::string& out) const {
  if (steps_.empty()) {
    out.append(text);
    return;
  }
  if (steps_.size() == 1) return steps_.front()->append(text, out);
  std::string from(text);
  std::string to;
  for (const auto& step : steps_) {
    to.clear();
    step->append(from, to);
    from.swap(to);
  }
  out.append(from);
}

void LowercaseNormalizer::append(std::string_view text, std::string& out) const {
  std::u32string lowered;
  while (!text.empty()) {
    lowered.clear();
    unicode::append_lowercase(unicode::take_code_point(text), lowered);
    for (const char32_t code : lowered) append_utf8(code, out);
  }
}

void StripAccentsNormalizer::append(std::string_view text, std::string& out) const {
  while (!text.empty()) {
    const char32_t code = unicode::take_code_point(text);
    if (!unicode::is_combining_mark(code)) append_utf8(code, out);
  }
}

void StripNormalizer::append(std::string_view text, std::string& out) const {
  if (left_) text.remove_prefix(unicode::leading_whitespace(text));
  if (right_) text.remove_suffix(unicode::trailing_whitespace(text));
  out.append(text);
}

void PrependNormalizer::append(std::string_view text, std::string& out) const {
  if (!text.empty()) out.append(prefix_);
  out.append(text);
}

void ReplaceNormalizer::append(std::string_view text, std::string& out) const {
  for (;;) {
    const std::size_t found = text.find(pattern_);
    out.append(text.substr(0, found));
    if (found == std::string_view::npos) return;
    out.append(content_);
    text.remove_prefix(found + pattern_.size());
  }
}

void ReplaceSpacesNormalizer::append(std::string_view text, std::string& out) const {
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    out.append(text.substr(0, space));
    if (space == std::string_view::npos) return;
    text.remove_prefix(space);
    const std::size_t end = std::min(text.find_first_not_of(' '), text.size());
    if (end == 1)
      out.push_back(' ');
    else
      out.append(content_);
    text.remove_prefix(end);
  }
}

}  // namespace forkdex
