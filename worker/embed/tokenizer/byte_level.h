#pragma once

#include <string_view>

#include "worker/embed/tokenizer/pre_tokenizer.h"

namespace forkdex {

/// GPT-2's pre-tokenizer: cuts a text into words by a fixed pattern, and spells every byte as a
/// visible character, so that a vocabulary over characters covers any bytes.
class ByteLevel final : public PreTokenizer {
 public:
  struct Rules {
    bool add_prefix_space = true;  ///< to a text that does not begin with one
    bool use_pattern = true;       ///< false: the text stays one piece
  };

  explicit ByteLevel(Rules rules) : rules_(rules) {}
  bool split(std::string_view text, bool at_start, const Sink& sink) const override;

  /// Bytes of the piece that `text` begins with: a contraction's end ('s 't 're 've 'm 'll 'd); a
  /// run of letters, of numbers or of what is neither, each with one space before it; or
  /// whitespace, which leaves its last character to what follows. REQUIRES !text.empty().
  static std::size_t first_piece(std::string_view text);

 private:
  Rules rules_;
};

}  // namespace forkdex
