#pragma once

// Tokens that stand in a text literally, such as "[SEP]": found before anything else looks at it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forkdex {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool lstrip = false;  ///< takes the whitespace before it
  bool rstrip = false;  ///< takes the whitespace after it
};

/// A set of literal tokens, matched leftmost first, longest first.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// Tokens with an empty content are left out.
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

  std::vector<AddedToken> tokens_;  // longest first
  std::array<bool, 256> starts_{};  // bytes that a token starts with
};

}  // namespace forkdex
