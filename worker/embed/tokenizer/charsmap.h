#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/embed/tokenizer/normalizer.h"

namespace forkdex {

/// The normalizer that SentencePiece compiles into a model ("Precompiled"): a double-array trie
/// from what stands in a text to what replaces it, applied to grapheme clusters and, where that
/// finds nothing, to their characters.
class CharsmapNormalizer final : public Normalizer {
 public:
  /// Reads a charsmap: 32-bit little-endian size of the trie, its units of 32 bits, then the
  /// replacements, each ended by NUL. Null when it is no charsmap, or has a replacement longer than
  /// any real one. What else is wrong with it replaces nothing.
  static std::unique_ptr<CharsmapNormalizer> make(std::string_view charsmap);

  void append(std::string_view text, std::string& out) const override;

 private:
  CharsmapNormalizer(std::vector<std::uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}

  bool append_replacement(std::string_view text, std::string& out) const;
  const std::uint32_t* unit(std::size_t at) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace forkdex
