#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/embed/tokenizer/token_model.h"
#include "worker/embed/tokenizer/token_trie.h"

namespace forkdex {

/// WordPiece: a word becomes the longest known prefix, then the longest known continuation of it,
/// and so on; a word that cannot be covered, or is too long, becomes the unknown token.
/// Immutable after construction.
class WordPiece final : public TokenModel {
 public:
  struct Rules {
    std::string continuation_prefix = "##";
    std::size_t max_word_characters = 100;
    std::int32_t unknown_id = 0;
  };

  /// REQUIRES ids that are not negative.
  WordPiece(std::vector<TokenTrie::Entry> vocabulary, Rules rules);

  void append(std::string_view word, std::vector<std::int32_t>& ids) const override;
  std::optional<std::int32_t> find(std::string_view token) const override {
    return tokens_.find(token);
  }
  std::size_t size() const override { return size_; }
  std::int32_t largest_id() const override { return largest_id_; }

 private:
  Rules rules_;
  std::size_t size_;
  std::int32_t largest_id_;
  TokenTrie tokens_;
  TokenTrie::Node continuation_;  // where continuations start; kNone when there are none
};

}  // namespace forkdex
