#include "worker/embed/tokenizer/normal_form.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

// Sorts every run of combining characters by class.
void order_canonically(std::u32string& codes) {
  const auto is_starter = [](char32_t code) { return unicode::combining_class(code) == 0; };
  for (auto run = codes.begin(); run != codes.end();) {
    run = std::find_if_not(run, codes.end(), is_starter);
    const auto end = std::find_if(run, codes.end(), is_starter);
    std::stable_sort(run, end, [](char32_t a, char32_t b) {
      return unicode::combining_class(a) < unicode::combining_class(b);
    });
    run = end;
  }
}

// Joins each starter with what follows it unless something of the same class, or another starter,
// stands between the two.
void compose(std::u32string& codes) {
  constexpr std::size_t kNone = std::u32string::npos;
  std::size_t starter = kNone;
  std::size_t size = 0;  // of what is done, which stands at the front of `codes`
  std::uint8_t last_class = 0;
  for (const char32_t code : codes) {
    const std::uint8_t its_class = unicode::combining_class(code);
    const bool adjacent = starter != kNone && size == starter + 1;
    if (adjacent || (starter != kNone && last_class < its_class)) {
      if (const char32_t composed = unicode::composition(codes[starter], code)) {
        codes[starter] = composed;
        continue;
      }
    }
    if (its_class == 0) starter = size;
    last_class = its_class;
    codes[size++] = code;
  }
  codes.resize(size);
}

}  // namespace

std::u32string NormalFormNormalizer::decomposed(std::string_view text) const {
  std::u32string codes;
  codes.reserve(text.size());
  while (!text.empty()) {
    const char32_t code = unicode::take_code_point(text);
    if (form_.compatibility)
      unicode::append_compatibility_decomposed(code, codes);
    else
      unicode::append_decomposed(code, codes);
  }
  order_canonically(codes);
  return codes;
}

void NormalFormNormalizer::append(std::string_view text, std::string& out) const {
  const auto is_ascii = [](char byte) { return static_cast<unsigned char>(byte) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) {
    out.append(text);
    return;
  }
  std::u32string codes = decomposed(text);
  if (form_.compose) compose(codes);
  for (const char32_t code : codes) append_utf8(code, out);
}

}  // namespace forkdex
