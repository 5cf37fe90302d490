#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/embed/embedder.h"

namespace forkdex {

/// A model whose vectors are stored.
struct EmbeddingModel {
  std::shared_ptr<Embedder> embedder;
  std::string prefix;   ///< goes before every text
  std::int64_t id = 0;  ///< of its row in the database
};

/// Texts with a prefix before each.
class PrefixedTexts {
 public:
  explicit PrefixedTexts(std::string prefix) : prefix_(std::move(prefix)) {}
  PrefixedTexts(const PrefixedTexts&) = delete;
  PrefixedTexts& operator=(const PrefixedTexts&) = delete;

  /// REQUIRES that `text` outlives this: without a prefix nothing is copied.
  void add(std::string_view text) {
    if (!prefix_.empty()) text = owned_.emplace_back(prefix_ + std::string(text));
    views_.push_back(text);
  }
  std::span<const std::string_view> views() const { return views_; }

 private:
  std::string prefix_;
  std::deque<std::string> owned_;  // whose elements stay where they are
  std::vector<std::string_view> views_;
};

}  // namespace forkdex
