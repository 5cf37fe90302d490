#include "worker/embed/added_tokens.h"

#include <algorithm>
#include <utility>

#include "worker/embed/unicode.h"

namespace forkdex {
namespace {

// Bytes of whitespace that `text` starts with.
std::size_t leading_space(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view after = rest;
    if (!unicode::is_whitespace(unicode::take_code_point(after))) break;
    rest = after;
  }
  return text.size() - rest.size();
}

// Bytes of whitespace that `text` ends with.
std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t start = end - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    std::string_view last = text.substr(start, end - start);
    if (!unicode::is_whitespace(unicode::take_code_point(last))) break;
    end = start;
  }
  return text.size() - end;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (const AddedToken& token : tokens_)
    starts_[static_cast<unsigned char>(token.content[0])] = true;
}

const AddedToken* AddedTokens::match_at(std::string_view text) const {
  if (!starts_[static_cast<unsigned char>(text[0])]) return nullptr;
  for (const AddedToken& token : tokens_)
    if (text.starts_with(token.content)) return &token;
  return nullptr;
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::string_view text) const {
  std::vector<Piece> pieces;
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
    // Whitespace that the token before has taken is gone.
    if (token->lstrip) start = std::max(done, start - trailing_space(text.substr(0, start)));
    if (token->rstrip) stop += leading_space(text.substr(stop));
    if (done < start) pieces.push_back({nullptr, text.substr(done, start - done)});
    pieces.push_back({token, text.substr(start, stop - start)});
    done = stop;
  }
  if (done < text.size()) pieces.push_back({nullptr, text.substr(done)});
  return pieces;
}

}  // namespace forkdex
