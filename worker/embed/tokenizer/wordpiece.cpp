#include "worker/embed/tokenizer/wordpiece.h"

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

bool has_more_characters_than(std::string_view word, std::size_t limit) {
  if (word.size() <= limit) return false;
  const auto characters =
      std::count_if(word.begin(), word.end(), [](char byte) { return !is_continuation(byte); });
  return static_cast<std::size_t>(characters) > limit;
}

std::int32_t largest_of(const std::vector<TokenTrie::Entry>& vocabulary) {
  std::int32_t largest = 0;
  for (const auto& [word, id] : vocabulary) largest = std::max(largest, id);
  return largest;
}

}  // namespace

WordPiece::WordPiece(std::vector<TokenTrie::Entry> vocabulary, Rules rules)
    : rules_(std::move(rules)),
      size_(vocabulary.size()),
      largest_id_(largest_of(vocabulary)),
      tokens_(std::move(vocabulary)),
      continuation_(tokens_.walk(TokenTrie::kRoot, rules_.continuation_prefix)) {}

// A known piece ends where a character ends, since vocabulary and text are valid UTF-8.
void WordPiece::append(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t size_before = ids.size();
  bool covered = !has_more_characters_than(word, rules_.max_word_characters);
  TokenTrie::Node from = TokenTrie::kRoot;
  while (covered && !word.empty()) {
    const TokenTrie::Match match = tokens_.longest_match(from, word);
    covered = match.value != TokenTrie::kNoValue;
    if (!covered) break;
    ids.push_back(match.value);
    word.remove_prefix(match.bytes);
    from = continuation_;
    const bool no_continuations = from == TokenTrie::kNone && !rules_.continuation_prefix.empty();
    if (no_continuations) covered = word.empty();
  }
  if (covered) return;
  ids.resize(size_before);
  ids.push_back(rules_.unknown_id);
}

}  // namespace forkdex
