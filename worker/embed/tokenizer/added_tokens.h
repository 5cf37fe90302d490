#pragma once

// Tokens that stand in a text literally, such as "[SEP]": found before anything else looks at it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/embed/tokenizer/token_trie.h"

namespace forkdex {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  ///< counts only where no letter, digit or mark stands beside it
  bool lstrip = false;       ///< takes the whitespace before it
  bool rstrip = false;       ///< takes the whitespace after it
};

/// A set of literal tokens, matched leftmost first, longest first. Of tokens with the same content
/// the first one counts; those without content are never found.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// A token, or the text between two.
  struct Piece {
    const AddedToken* token = nullptr;  ///< null for text
    std::string_view text;
  };
  /// Cuts `text` at the tokens in it, in order; pieces of text are never empty.
  std::vector<Piece> split(std::string_view text) const;

 private:
  const AddedToken* match_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;
  TokenTrie contents_;
};

}  // namespace forkdex
