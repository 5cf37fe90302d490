#pragma once

// Texts of different length go through the model as one run of tokens, without padding: a batch
// is their ids one after the other, and the lengths say where each ends.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace forkdex {

struct TokenBatch {
  std::vector<std::int32_t> ids;     ///< of all sequences, one after the other
  std::vector<std::size_t> lengths;  ///< of each sequence; they add up to ids.size()
  std::vector<std::size_t> texts;    ///< which text each sequence is
};

/// The token ids of many texts, and how they are best cut into batches.
class TokenizedTexts {
 public:
  /// Where the next text's ids are to be appended.
  std::vector<std::int32_t>& ids() { return ids_; }
  /// Closes the text whose ids were appended last.
  void end_text() { ends_.push_back(ids_.size()); }

  std::size_t size() const { return ends_.size(); }
  std::size_t tokens() const { return ids_.size(); }

  /// Cuts the texts, sorted by length so that equal lengths stand together, into batches of at most
  /// `budget` tokens; a longer text is a batch of its own. Every text is in exactly one batch.
  std::vector<TokenBatch> batches(std::size_t budget) const;

 private:
  std::size_t start(std::size_t text) const { return text == 0 ? 0 : ends_[text - 1]; }
  std::size_t length(std::size_t text) const { return ends_[text] - start(text); }

  std::vector<std::int32_t> ids_;
  std::vector<std::size_t> ends_;
};

}  // namespace forkdex
