#include "common/words/lexemes.h"

#include <algorithm>

#include "common/words/words.h"

namespace forkdex {
namespace {

// What a tsvector takes; a chunk that has more is seldom text. Beyond these its words do not count.
constexpr std::uint16_t kLastPosition = (1 << 14) - 1;
constexpr std::size_t kMostPositions = 255;  // of one word
// Of all words: what a tsvector takes (1 MiB) without the positions, which have two bytes each.
constexpr std::size_t kMostBytes = (std::size_t{1} << 20) - 1 - 2 * kLastPosition;
constexpr std::size_t kBytesPerWord = 3;  // beside the word: how many positions, and alignment

std::uint16_t weight_bits(WordField field) {
  return static_cast<std::uint16_t>((kWordFields - 1 - static_cast<std::size_t>(field)) << 14);
}

void append_big_endian(std::string& bytes, std::uint32_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 0xFF);
}

/// Counts positions such as ":1A,3". False where `positions` are none.
bool count_positions(std::string_view positions, WordCounts& counts) {
  if (!positions.starts_with(':')) return false;
  do {
    positions.remove_prefix(1);
    const std::size_t digits =
        std::min(positions.find_first_not_of("0123456789"), positions.size());
    if (digits == 0) return false;
    positions.remove_prefix(digits);
    auto field = static_cast<std::size_t>(WordField::kBody);
    if (!positions.empty() && positions.front() >= 'A' && positions.front() <= 'C') {
      field = static_cast<std::size_t>(positions.front() - 'A');
      positions.remove_prefix(1);
    }
    if (counts[field] < 255) ++counts[field];
  } while (positions.starts_with(','));
  return positions.empty();
}

}  // namespace

void ChunkWords::add(WordField field, std::string_view text) {
  for_each_word(text, [&](std::string_view word) {
    if (position_ == kLastPosition) return;
    ++position_;
    auto found = words_.find(word);
    if (found == words_.end()) {
      if (bytes_ + word.size() + kBytesPerWord > kMostBytes) return;
      bytes_ += word.size() + kBytesPerWord;
      found = words_.try_emplace(std::string(word)).first;
    }
    if (found->second.size() < kMostPositions)
      found->second.push_back(static_cast<std::uint16_t>(weight_bits(field) | position_));
  });
}

std::string ChunkWords::tsvector() const {
  std::string bytes;
  append_big_endian(bytes, static_cast<std::uint32_t>(words_.size()), 4);
  for (const auto& [word, positions] : words_) {
    bytes.append(word).push_back('\0');
    append_big_endian(bytes, static_cast<std::uint32_t>(positions.size()), 2);
    for (const std::uint16_t position : positions) append_big_endian(bytes, position, 2);
  }
  return bytes;
}

bool for_each_lexeme(
    std::string_view tsvector,
    const std::function<void(std::string_view word, const WordCounts& counts)>& visit) {
  while (!tsvector.empty()) {
    const std::size_t quote = tsvector.find('\'', 1);
    if (tsvector.front() != '\'' || quote == std::string_view::npos) return false;
    const std::string_view word = tsvector.substr(1, quote - 1);
    const std::size_t end = std::min(tsvector.find(' ', quote), tsvector.size());
    const std::string_view positions = tsvector.substr(quote + 1, end - quote - 1);
    if (end + 1 == tsvector.size()) return false;  // a word would follow
    tsvector.remove_prefix(std::min(end + 1, tsvector.size()));
    WordCounts counts{};
    if (word.empty() || !count_positions(positions, counts)) return false;
    visit(word, counts);
  }
  return true;
}

}  // namespace forkdex
