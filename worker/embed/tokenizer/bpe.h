#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include "worker/embed/tokenizer/token_model.h"

namespace forkdex {

/// Byte pair encoding: a piece starts as its characters; the pair of neighbours that stands first
/// in the list of merges is joined, the leftmost of several, again and again until no pair is
/// listed. Takes n log n for a piece of n characters.
class Bpe final : public TokenModel {
 public:
  struct Merge {
    std::string left;
    std::string right;
  };

  struct Definition {
    Vocabulary vocabulary;
    std::vector<Merge> merges;           ///< the most important first
    std::optional<std::string> unknown;  ///< for characters that are no token; none: dropped
    bool fuse_unknown = false;           ///< neighbouring unknown characters are one token
    bool byte_fallback = false;  ///< unknown characters become <0x00> to <0xFF> if it can be
    bool ignore_merges = false;  ///< a piece that is a token needs no merges
  };

  /// Null when a merge, its result or the unknown token is not in the vocabulary.
  static std::unique_ptr<Bpe> make(Definition definition);

  void append(std::string_view piece, std::vector<std::int32_t>& ids) const override;
  std::optional<std::int32_t> find(std::string_view token) const override;
  std::size_t size() const override { return ids_.size(); }
  std::int32_t largest_id() const override;

 private:
  // Tokens are counted from 0 here, since ids may have gaps.
  using Token = std::uint32_t;
  static constexpr Token kNoToken = ~Token{0};

  struct Join {
    std::uint32_t rank;
    Token result;
  };

  // Neighbours know each other by place; one that was joined to its left neighbour is kNoToken.
  struct Symbol {
    Token token;
    std::uint32_t previous;
    std::uint32_t next;
  };
  using Symbols = boost::container::small_vector<Symbol, 32>;

  // Whether merging a token's own text yields that token, found out when it is first asked.
  enum class Whole : std::uint8_t { kUnknown, kYes, kNo };

  Bpe() = default;
  bool add_merges(const std::vector<Merge>& merges);
  Token token_of(std::string_view text) const;
  Token character(std::string_view character) const;
  const Join* join_of(Token left, Token right) const;
  bool append_bytes(std::string_view character, Symbols& symbols) const;
  Symbols characters(std::string_view piece) const;
  void merge(Symbols& symbols) const;
  bool is_whole(Token token, std::string_view text) const;

  boost::unordered_flat_map<std::string, Token, TokenHash, std::equal_to<>> tokens_;
  std::vector<std::int32_t> ids_;  // of tokens
  boost::unordered_flat_map<std::uint64_t, Join> joins_;
  std::array<Token, 0x200>
      low_characters_{};  // by code point: all that byte-level models start from
  std::optional<std::array<Token, 256>> byte_tokens_;
  Token unknown_ = kNoToken;
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
  mutable std::vector<std::atomic<Whole>> whole_;  // by token
};

}  // namespace forkdex
