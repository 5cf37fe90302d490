#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forkdex {

/// WordPiece: a word becomes the longest known prefix, then the longest known continuation of it,
/// and so on; a word that cannot be covered, or is too long, becomes the unknown token.
/// Immutable after construction.
class WordPiece {
 public:
  using Vocabulary = std::vector<std::pair<std::string, std::int32_t>>;

  struct Rules {
    std::string continuation_prefix = "##";
    std::size_t max_word_characters = 100;
    std::int32_t unknown_id = 0;
  };

  WordPiece(Vocabulary vocabulary, Rules rules);

  /// Appends the ids of `text`, cut into words at whitespace and around punctuation, until `ids`
  /// holds `limit` of them. REQUIRES valid UTF-8, normalised.
  void append_text(std::string_view text, std::size_t limit, std::vector<std::int32_t>& ids) const;

 private:
  // A trie over the vocabulary's bytes. The children of a node stand side by side, by byte.
  struct Node {
    std::int32_t id = kNoId;
    std::uint32_t first_child = 0;
    std::uint16_t child_count = 0;
    unsigned char byte = 0;  // on the way from the parent
  };
  static constexpr std::int32_t kNoId = -1;
  static constexpr std::uint32_t kNone = 0;  // the root is nobody's child

  struct Match {
    std::int32_t id = kNoId;
    std::size_t bytes = 0;
  };

  void append_word(std::string_view word, std::vector<std::int32_t>& ids) const;
  void build(const Vocabulary& sorted);
  std::uint32_t child(std::uint32_t node, unsigned char byte) const;
  Match longest_match(std::uint32_t from, std::string_view text) const;

  Rules rules_;
  std::vector<Node> nodes_;
  std::uint32_t continuation_ = 0;  // where continuations start; kNone when there are none
};

}  // namespace forkdex
