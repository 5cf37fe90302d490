#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace forkdex {

/// tokenizer.json's "model": a piece of text to the ids of its tokens. Safe to use by several
/// threads at once.
class TokenModel {
 public:
  virtual ~TokenModel() = default;

  /// Appends the ids of `piece`. REQUIRES valid UTF-8, not empty.
  virtual void append(std::string_view piece, std::vector<std::int32_t>& ids) const = 0;

  /// The id of a token of the vocabulary.
  virtual std::optional<std::int32_t> find(std::string_view token) const = 0;
  /// Entries of the vocabulary, equal ones included.
  virtual std::size_t size() const = 0;
  /// The largest id that it gives; ids may have gaps.
  virtual std::int32_t largest_id() const = 0;
};

/// Lets a map of strings be asked for a view.
struct TokenHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view token) const {
    return std::hash<std::string_view>()(token);
  }
};

/// Tokens and their ids.
using Vocabulary = boost::unordered_flat_map<std::string, std::int32_t, TokenHash, std::equal_to<>>;

}  // namespace forkdex
