#pragma once

// A text in words that a grammar knows, some of them longer than those that were written: the tree
// that is made of it is moved to where the text has its nodes.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/parse/span.h"
#include "worker/parse/syntax.h"

namespace forkdex {

class OlderText {
 public:
  /// `text`, of which each word has its length.
  explicit OlderText(std::string text) : text_(std::move(text)) {}

  /// `text` with `word` in place of the `bytes` at each of `places`, which are ascending.
  OlderText(std::string_view text, const std::vector<std::size_t>& places, std::size_t bytes,
            std::string_view word);

  std::string_view text() const { return text_; }
  bool has_longer() const { return !longer_.empty(); }

  /// Where the place `offset` of the text as it was written is in text().
  std::size_t place_of(std::size_t offset) const;

  /// Moves the nodes of `tree`, which was parsed of `place` of text(), to their places in the text
  /// as it was written. Takes time for each longer word in `place`.
  void move_back(Tree& tree, Span place) const;

 private:
  std::string text_;
  std::vector<std::size_t> longer_;  // where longer words begin in text_
  std::size_t written_ = 0;          // bytes of what each stands for
  std::size_t bytes_ = 0;            // of each
};

}  // namespace forkdex
