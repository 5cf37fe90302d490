#pragma once

#include <array>
#include <string>
#include <string_view>

#include "worker/embed/tokenizer/normalizer.h"

namespace forkdex {

/// What a BERT model does to text before it is cut into words.
class BertNormalizer final : public Normalizer {
 public:
  /// In the order in which they are applied.
  struct Steps {
    bool clean_text = true;     ///< drop controls, turn all whitespace into spaces
    bool space_chinese = true;  ///< a space on both sides of a Chinese character
    bool strip_accents = true;  ///< canonical decomposition without its nonspacing marks
    bool lowercase = true;
  };

  explicit BertNormalizer(Steps steps);

  void append(std::string_view text, std::string& out) const override;

 private:
  Steps steps_;
  std::array<char, 128> ascii_;  // what an ASCII character becomes; see kDropped
};

}  // namespace forkdex
