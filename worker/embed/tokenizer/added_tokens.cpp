#include "worker/embed/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  text.remove_prefix(unicode::last_character(text));
  return unicode::is_word_character(unicode::take_code_point(text));
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && unicode::is_word_character(unicode::take_code_point(text));
}

TokenTrie trie_of(const std::vector<AddedToken>& tokens) {
  std::vector<TokenTrie::Entry> entries;
  for (std::size_t i = tokens.size(); i-- > 0;)  // of equal ones the trie keeps the last
    entries.emplace_back(tokens[i].content, static_cast<std::int32_t>(i));
  return TokenTrie(std::move(entries));
}

// Where the whitespace ends that begins at a place of one text, asked from left to right; remembers
// the last answer, so that tokens in a run of whitespace do not each read all of it.
class WhitespaceAfter {
 public:
  explicit WhitespaceAfter(std::string_view text) : text_(text) {}

  std::size_t end(std::size_t at) {
    if (at < from_ || at > end_) {
      from_ = at;
      end_ = at + unicode::leading_whitespace(text_.substr(at));
    }
    return end_;
  }

 private:
  std::string_view text_;
  std::size_t from_ = 1;  // nothing is known yet
  std::size_t end_ = 0;
};

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), contents_(trie_of(tokens_)) {}

const AddedToken* AddedTokens::match_at(std::string_view text) const {
  const TokenTrie::Match match = contents_.longest_match(TokenTrie::kRoot, text);
  if (match.value == TokenTrie::kNoValue) return nullptr;
  return &tokens_[static_cast<std::size_t>(match.value)];
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::string_view text) const {
  std::vector<Piece> pieces;
  WhitespaceAfter whitespace(text);
  std::size_t done = 0;  // everything before it is in `pieces`
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = match_at(text.substr(at));
    if (!token) {
      ++at;
      continue;
    }
    std::size_t start = at;
    std::size_t stop = at + token->content.size();
    at = stop;
    const bool in_word =
        ends_with_word(text.substr(0, start)) || starts_with_word(text.substr(stop));
    if (token->single_word && in_word) continue;
    // Whitespace that the token before has taken is gone.
    if (token->lstrip)
      start = start > done ? start - unicode::trailing_whitespace(text.substr(done, start - done))
                           : done;
    if (token->rstrip) stop = whitespace.end(stop);
    if (start >= stop) continue;  // it is whitespace, all of it taken
    if (done < start) pieces.push_back({nullptr, text.substr(done, start - done)});
    pieces.push_back({token, text.substr(start, stop - start)});
    done = stop;
  }
  if (done < text.size()) pieces.push_back({nullptr, text.substr(done)});
  return pieces;
}

}  // namespace forkdex
