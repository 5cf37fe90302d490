#pragma once

// Cuts what is too large for the model: at statement borders, then lines, then characters.

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "worker/parse/borders.h"
#include "worker/parse/span.h"

namespace forkdex {

/// Cuts spans of one text. Borrows everything it is given.
class Splitter {
 public:
  using TokenCount = std::function<std::size_t(std::string_view)>;

  /// REQUIRES max_tokens > 0.
  Splitter(std::string_view text, const TokenCount& count_tokens, std::size_t max_tokens);

  /// Whether `span` is small enough for one chunk: at most max_tokens tokens, and not a run of
  /// bytes so long that a tokenizer takes it for few tokens (a word over 100 characters is one).
  bool fits(Span span) const;

  /// Appends the pieces of `span` to `pieces`: ascending, disjoint, without white space at their
  /// ends, covering everything else in it; each fits, but for a single code point that can't.
  /// `borders` are the text's, ascending. Counts every byte a few times whatever the size.
  void split(Span span, const std::vector<Border>& borders, std::vector<Span>& pieces) const;

 private:
  std::size_t count(Span span) const;
  Span first_characters(Span span) const;

  friend class Packing;

  std::string_view text_;
  const TokenCount& count_tokens_;
  std::size_t max_tokens_;
  std::size_t max_bytes_;
  std::size_t special_tokens_;  // counted with every text, however short
};

}  // namespace forkdex
