#include "worker/embed/tokenizer/unicode.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/code_ranges.h"

namespace forkdex::unicode {
namespace {

struct ClassRange {
  char32_t first;
  char32_t last;
  std::uint8_t combining_class;
};

struct Mapping {
  char32_t from;
  std::uint16_t offset;  // into the table's pool
  std::uint8_t length;
};

struct Composition {
  char32_t first;
  char32_t second;
  char32_t composed;
};

#include "worker/embed/tokenizer/unicode_tables.inc"

// Appends what `code` is mapped to. Returns whether it is.
template <std::size_t N>
bool append_mapped(const Mapping (&table)[N], const char32_t* pool, char32_t code,
                   std::u32string& text) {
  const auto found = std::lower_bound(std::begin(table), std::end(table), code,
                                      [](const Mapping& row, char32_t c) { return row.from < c; });
  if (found == std::end(table) || found->from != code) return false;
  text.append(pool + found->offset, found->length);
  return true;
}

// Hangul syllables decompose and compose by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kHangulBase = 0xAC00;
constexpr char32_t kHangulCount = 11172;
constexpr char32_t kLeadingBase = 0x1100;
constexpr char32_t kLeadingCount = 19;
constexpr char32_t kVowelBase = 0x1161;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailingBase = 0x11A7;  // one before the first, which stands for none
constexpr char32_t kTrailingCount = 28;

bool is_hangul(char32_t code) { return code >= kHangulBase && code < kHangulBase + kHangulCount; }

void append_jamo(char32_t syllable, std::u32string& text) {
  const char32_t index = syllable - kHangulBase;
  text.push_back(kLeadingBase + index / (kVowelCount * kTrailingCount));
  text.push_back(kVowelBase + index % (kVowelCount * kTrailingCount) / kTrailingCount);
  if (index % kTrailingCount) text.push_back(kTrailingBase + index % kTrailingCount);
}

char32_t hangul_composition(char32_t first, char32_t second) {
  const bool leading = first >= kLeadingBase && first < kLeadingBase + kLeadingCount;
  if (leading && second >= kVowelBase && second < kVowelBase + kVowelCount)
    return kHangulBase +
           ((first - kLeadingBase) * kVowelCount + (second - kVowelBase)) * kTrailingCount;
  const bool open = is_hangul(first) && (first - kHangulBase) % kTrailingCount == 0;
  if (open && second > kTrailingBase && second < kTrailingBase + kTrailingCount)
    return first + (second - kTrailingBase);
  return 0;
}

}  // namespace

char32_t take_code_point(std::string_view& text) {
  const Utf8Character first = first_character(text);
  text.remove_prefix(first.bytes);
  return first.code_point;
}

bool is_removed_by_cleaning(char32_t code) { return find_range(kRemovedByCleaning, code); }
bool is_whitespace(char32_t code) { return find_range(kWhitespace, code); }
bool is_chinese(char32_t code) { return find_range(kChineseCharacters, code); }
bool is_punctuation(char32_t code) { return find_range(kPunctuation, code); }
bool is_nonspacing_mark(char32_t code) { return find_range(kNonspacingMarks, code); }
bool is_combining_mark(char32_t code) { return find_range(kCombiningMarks, code); }
bool is_letter(char32_t code) { return find_range(kLetters, code); }
bool is_number(char32_t code) { return find_range(kNumbers, code); }
bool is_word_character(char32_t code) { return find_range(kWordCharacters, code); }

std::uint8_t combining_class(char32_t code) {
  const ClassRange* range = find_range(kCombiningClasses, code);
  return range ? range->combining_class : 0;
}

void append_decomposed(char32_t code, std::u32string& text) {
  if (is_hangul(code))
    append_jamo(code, text);
  else if (!append_mapped(kDecompositions, kDecompositionsPool, code, text))
    text.push_back(code);
}

void append_compatibility_decomposed(char32_t code, std::u32string& text) {
  if (!append_mapped(kCompatibilityDecompositions, kCompatibilityDecompositionsPool, code, text))
    append_decomposed(code, text);
}

char32_t composition(char32_t first, char32_t second) {
  if (const char32_t syllable = hangul_composition(first, second)) return syllable;
  const auto found =
      std::lower_bound(std::begin(kCompositions), std::end(kCompositions), std::pair(first, second),
                       [](const Composition& row, const std::pair<char32_t, char32_t>& wanted) {
                         return std::pair(row.first, row.second) < wanted;
                       });
  const bool known =
      found != std::end(kCompositions) && found->first == first && found->second == second;
  return known ? found->composed : 0;
}

void append_lowercase(char32_t code, std::u32string& text) {
  if (!append_mapped(kLowercase, kLowercasePool, code, text)) text.push_back(code);
}

std::size_t leading_whitespace(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view after = rest;
    if (!is_whitespace(take_code_point(after))) break;
    rest = after;
  }
  return text.size() - rest.size();
}

std::size_t trailing_whitespace(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t start = last_character(text.substr(0, end));
    std::string_view last = text.substr(start, end - start);
    if (!is_whitespace(take_code_point(last))) break;
    end = start;
  }
  return text.size() - end;
}

std::size_t last_character(std::string_view text) {
  std::size_t start = text.size() - 1;
  while (start > 0 && is_continuation(text[start])) --start;
  return start;
}

}  // namespace forkdex::unicode
