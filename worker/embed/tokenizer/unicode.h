#pragma once

// What tokenizers need to know about Unicode. The answers come from generated tables and not
// from a system library, because token ids must equal those the model was trained with, whatever
// Unicode version the machine has. Pure functions over constant data.

#include <cstdint>
#include <string>
#include <string_view>

namespace forkdex::unicode {

/// Takes the first code point off `text`. Each maximal invalid sequence counts as one U+FFFD.
/// REQUIRES !text.empty().
char32_t take_code_point(std::string_view& text);

/// Whether BERT's text cleaning drops `code`: controls, formats, private use, NUL, U+FFFD.
bool is_removed_by_cleaning(char32_t code);
bool is_whitespace(char32_t code);
bool is_chinese(char32_t code);
bool is_punctuation(char32_t code);
bool is_nonspacing_mark(char32_t code);
bool is_combining_mark(char32_t code);

/// What GPT-2's pattern takes for \p{L} and \p{N}; its \s is is_whitespace().
bool is_letter(char32_t code);
bool is_number(char32_t code);

/// What a token that must stand alone (single_word) must not stand beside: \w.
bool is_word_character(char32_t code);

/// Canonical combining class; 0 for a starter.
std::uint8_t combining_class(char32_t code);

/// Appends the full canonical decomposition of `code`, or `code` itself.
void append_decomposed(char32_t code, std::u32string& text);

/// The same for the compatibility decomposition.
void append_compatibility_decomposed(char32_t code, std::u32string& text);

/// What two neighbours are as one character in canonical composition; 0 if they stay two.
char32_t composition(char32_t first, char32_t second);

/// Appends `code` in lower case (up to two code points).
void append_lowercase(char32_t code, std::u32string& text);

/// Bytes of whitespace that `text` starts and ends with.
std::size_t leading_whitespace(std::string_view text);
std::size_t trailing_whitespace(std::string_view text);

/// Where the last character of `text` starts. REQUIRES !text.empty().
std::size_t last_character(std::string_view text);

}  // namespace forkdex::unicode
