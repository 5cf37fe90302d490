#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/embed/tokenizer/token_model.h"
#include "worker/embed/tokenizer/token_trie.h"

namespace forkdex {

/// SentencePiece's unigram model: of all ways to cut a piece into tokens the one whose scores add
/// up highest. What no token covers is unknown, and neighbours that are unknown are one. Takes time
/// linear in the piece.
class Unigram final : public TokenModel {
 public:
  struct Scored {
    std::string token;
    double score;
  };

  /// A token's id is its place in `vocabulary`; of equal tokens the last one counts. With
  /// `byte_fallback` what is unknown becomes the tokens <0x00> to <0xFF> if they are there.
  /// REQUIRES unknown_id < vocabulary.size(), and no token of more than 32,767 bytes.
  Unigram(std::vector<Scored> vocabulary, std::int32_t unknown_id, bool byte_fallback);

  void append(std::string_view piece, std::vector<std::int32_t>& ids) const override;
  std::optional<std::int32_t> find(std::string_view token) const override {
    return tokens_.find(token);
  }
  std::size_t size() const override { return scores_.size(); }
  std::int32_t largest_id() const override { return static_cast<std::int32_t>(size()) - 1; }

 private:
  // How the best way to a place ends: the bytes of its last token, and whether that is unknown.
  struct Step {
    std::uint16_t bytes : 15 = 0;  // 0: the place is not reached yet
    std::uint16_t unknown : 1 = 0;
  };

  std::vector<Step> best_steps(std::string_view piece) const;
  void append_token(std::string_view token, std::vector<std::int32_t>& ids) const;

  TokenTrie tokens_;
  std::vector<double> scores_;  // by id
  std::size_t longest_ = 4;     // bytes of a token or of a character
  double unknown_score_ = 0;
  std::int32_t unknown_id_;
  std::optional<std::array<std::optional<std::int32_t>, 256>> byte_ids_;
};

}  // namespace forkdex
