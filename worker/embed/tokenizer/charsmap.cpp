#include "worker/embed/tokenizer/charsmap.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/graphemes.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

// The bits of a unit of the double array, as the Darts-clone library lays them out.
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FF; }
std::size_t offset(std::uint32_t unit) {
  return std::size_t{unit >> 10} << ((unit & std::uint32_t{1} << 9) >> 6);
}

std::uint32_t read_unit(std::string_view bytes) {
  std::uint32_t number = 0;
  for (int i = 3; i >= 0; --i)
    number = number << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return number;
}

bool has_long_replacement(std::string_view replacements) {
  constexpr std::size_t kLongest = 1024;
  while (!replacements.empty()) {
    const std::size_t end = std::min(replacements.find('\0'), replacements.size());
    if (end > kLongest) return true;
    replacements.remove_prefix(std::min(end + 1, replacements.size()));
  }
  return false;
}

}  // namespace

std::unique_ptr<CharsmapNormalizer> CharsmapNormalizer::make(std::string_view charsmap) {
  constexpr std::size_t kUnit = sizeof(std::uint32_t);
  if (charsmap.size() < kUnit) return nullptr;
  const std::size_t trie_bytes = read_unit(charsmap);
  charsmap.remove_prefix(kUnit);
  if (trie_bytes == 0 || trie_bytes % kUnit != 0 || trie_bytes > charsmap.size()) return nullptr;
  const std::string_view replacements = charsmap.substr(trie_bytes);
  if (!is_utf8(replacements) || has_long_replacement(replacements)) return nullptr;
  std::vector<std::uint32_t> units(trie_bytes / kUnit);
  for (std::size_t i = 0; i < units.size(); ++i) units[i] = read_unit(charsmap.substr(i * kUnit));
  return std::unique_ptr<CharsmapNormalizer>(
      new CharsmapNormalizer(std::move(units), std::string(replacements)));
}

const std::uint32_t* CharsmapNormalizer::unit(std::size_t at) const {
  return at < units_.size() ? &units_[at] : nullptr;
}

// The shortest match at the front of `text` speaks for all of it: what follows the match is
// dropped. That is how the models were trained.
bool CharsmapNormalizer::append_replacement(std::string_view text, std::string& out) const {
  std::size_t at = offset(units_[0]);
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    at ^= byte;
    const std::uint32_t* here = unit(at);
    if (byte == 0 || !here || label(*here) != byte) return false;
    at ^= offset(*here);
    if (!has_leaf(*here)) continue;
    const std::uint32_t* leaf = unit(at);
    if (!leaf || value(*leaf) >= replacements_.size()) return false;
    const std::string_view found = std::string_view(replacements_).substr(value(*leaf));
    if (is_continuation(found[0])) return false;  // within a character
    out.append(found.substr(0, found.find('\0')));
    return true;
  }
  return false;
}

void CharsmapNormalizer::append(std::string_view text, std::string& out) const {
  constexpr std::size_t kLongestKey = 5;  // that is looked for as a whole
  while (!text.empty()) {
    std::string_view cluster = text.substr(0, first_grapheme(text));
    text.remove_prefix(cluster.size());
    if (cluster.size() <= kLongestKey && append_replacement(cluster, out)) continue;
    while (!cluster.empty()) {
      std::string_view rest = cluster;
      unicode::take_code_point(rest);
      const std::string_view character = cluster.substr(0, cluster.size() - rest.size());
      if (!append_replacement(character, out)) out.append(character);
      cluster = rest;
    }
  }
}

}  // namespace forkdex
