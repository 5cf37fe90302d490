#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forkdex {

/// A trie over the bytes of tokens. Immutable after construction.
class TokenTrie {
 public:
  /// A token and the number that a search answers with, which is not negative.
  using Entry = std::pair<std::string, std::int32_t>;
  using Node = std::uint32_t;

  static constexpr std::int32_t kNoValue = -1;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = 0;  ///< the root is nobody's child

  /// Of entries with the same token the last one counts; an empty token is never found.
  explicit TokenTrie(std::vector<Entry> entries = {});

  /// The node one byte further, or kNone.
  Node child(Node node, unsigned char byte) const;
  /// Of the token that ends at `node`, or kNoValue.
  std::int32_t value(Node node) const { return nodes_[node].value; }
  /// Follows `text` from `node`; kNone where it leads nowhere.
  Node walk(Node node, std::string_view text) const;

  std::optional<std::int32_t> find(std::string_view token) const;

  struct Match {
    std::int32_t value = kNoValue;
    std::size_t bytes = 0;
  };
  /// The longest token that `text` begins with, on the way from `node`.
  Match longest_match(Node node, std::string_view text) const;

 private:
  // The children of a node stand side by side, by byte.
  struct Place {
    std::int32_t value = kNoValue;
    Node first_child = 0;
    std::uint16_t child_count = 0;
    unsigned char byte = 0;  // on the way from the parent
  };

  void build(const std::vector<Entry>& sorted);

  std::vector<Place> nodes_;
};

}  // namespace forkdex
