#include "worker/embed/tokenizer/bpe.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include <fmt/format.h>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) {
  return std::uint64_t{left} << 32 | right;
}

// A pair that can be joined: the lowest rank first, then the leftmost.
struct Candidate {
  std::uint32_t rank;
  std::uint32_t left;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

using Candidates =
    std::priority_queue<Candidate, boost::container::small_vector<Candidate, 32>, std::greater<>>;

}  // namespace

std::unique_ptr<Bpe> Bpe::make(Definition definition) {
  std::unique_ptr<Bpe> bpe(new Bpe);
  bpe->tokens_.reserve(definition.vocabulary.size());
  for (const auto& [token, id] : definition.vocabulary) {
    bpe->tokens_.emplace(token, static_cast<Token>(bpe->ids_.size()));
    bpe->ids_.push_back(id);
  }
  bpe->whole_ = std::vector<std::atomic<Whole>>(bpe->ids_.size());
  if (!bpe->add_merges(definition.merges)) return nullptr;
  for (char32_t code = 0; code < bpe->low_characters_.size(); ++code) {
    std::string character;
    append_utf8(code, character);
    bpe->low_characters_[code] = bpe->token_of(character);
  }
  if (definition.byte_fallback) {
    bpe->byte_tokens_.emplace();
    for (unsigned byte = 0; byte < 256; ++byte)
      (*bpe->byte_tokens_)[byte] = bpe->token_of(fmt::format("<0x{:02X}>", byte));
  }
  if (definition.unknown) bpe->unknown_ = bpe->token_of(*definition.unknown);
  if (definition.unknown && bpe->unknown_ == kNoToken) return nullptr;
  bpe->fuse_unknown_ = definition.fuse_unknown;
  bpe->ignore_merges_ = definition.ignore_merges;
  return bpe;
}

bool Bpe::add_merges(const std::vector<Merge>& merges) {
  joins_.reserve(merges.size());
  std::uint32_t rank = 0;
  for (const Merge& merge : merges) {
    const Token left = token_of(merge.left);
    const Token right = token_of(merge.right);
    const Token result = token_of(merge.left + merge.right);
    if (left == kNoToken || right == kNoToken || result == kNoToken) return false;
    joins_.insert_or_assign(pair_key(left, right), Join{rank++, result});
  }
  return true;
}

std::optional<std::int32_t> Bpe::find(std::string_view token) const {
  const Token found = token_of(token);
  if (found == kNoToken) return {};
  return ids_[found];
}

std::int32_t Bpe::largest_id() const {
  const auto largest = std::max_element(ids_.begin(), ids_.end());
  return largest == ids_.end() ? 0 : *largest;
}

Bpe::Token Bpe::token_of(std::string_view text) const {
  const auto found = tokens_.find(text);
  return found == tokens_.end() ? kNoToken : found->second;
}

Bpe::Token Bpe::character(std::string_view character) const {
  if (character.size() > 2) return token_of(character);
  std::string_view rest = character;
  const char32_t code = unicode::take_code_point(rest);
  return code < low_characters_.size() ? low_characters_[code] : token_of(character);
}

const Bpe::Join* Bpe::join_of(Token left, Token right) const {
  const auto found = joins_.find(pair_key(left, right));
  return found == joins_.end() ? nullptr : &found->second;
}

bool Bpe::append_bytes(std::string_view character, Symbols& symbols) const {
  if (!byte_tokens_) return false;
  for (const char byte : character)
    if ((*byte_tokens_)[static_cast<unsigned char>(byte)] == kNoToken) return false;
  for (const char byte : character)
    symbols.push_back({(*byte_tokens_)[static_cast<unsigned char>(byte)], 0, 0});
  return true;
}

Bpe::Symbols Bpe::characters(std::string_view piece) const {
  Symbols symbols;
  // An unknown token is held back until a known character follows: one spelled in bytes overtakes
  // it.
  bool unknown_waits = false;
  std::string_view rest = piece;
  while (!rest.empty()) {
    const char* start = rest.data();
    unicode::take_code_point(rest);
    const std::string_view here(start, static_cast<std::size_t>(rest.data() - start));
    const Token token = character(here);
    if (token != kNoToken) {
      if (unknown_waits) symbols.push_back({unknown_, 0, 0});
      unknown_waits = false;
      symbols.push_back({token, 0, 0});
    } else if (!append_bytes(here, symbols) && unknown_ != kNoToken) {
      if (unknown_waits && !fuse_unknown_) symbols.push_back({unknown_, 0, 0});
      unknown_waits = true;
    }
  }
  if (unknown_waits) symbols.push_back({unknown_, 0, 0});
  return symbols;
}

void Bpe::merge(Symbols& symbols) const {
  Candidates candidates;
  const auto consider = [&](std::uint32_t left) {
    const std::uint32_t right = symbols[left].next;
    if (right == kNowhere) return;
    if (const Join* join = join_of(symbols[left].token, symbols[right].token))
      candidates.push({join->rank, left});
  };
  const auto count = static_cast<std::uint32_t>(symbols.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? kNowhere : i - 1;
    symbols[i].next = i + 1 == count ? kNowhere : i + 1;
  }
  for (std::uint32_t i = 0; i < count; ++i) consider(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.left];
    if (left.token == kNoToken || left.next == kNowhere) continue;
    // What was considered may have been joined to something else since.
    const Join* join = join_of(left.token, symbols[left.next].token);
    if (!join || join->rank != best.rank) continue;
    Symbol& right = symbols[left.next];
    left.token = join->result;
    right.token = kNoToken;
    left.next = right.next;
    if (left.next != kNowhere) symbols[left.next].previous = best.left;
    if (left.previous != kNowhere) consider(left.previous);
    consider(best.left);
  }
}

bool Bpe::is_whole(Token token, std::string_view text) const {
  Whole whole = whole_[token].load(std::memory_order_relaxed);
  if (whole == Whole::kUnknown) {
    Symbols symbols = characters(text);
    merge(symbols);
    const bool one = !symbols.empty() && symbols[0].next == kNowhere && symbols[0].token == token;
    whole = one ? Whole::kYes : Whole::kNo;
    whole_[token].store(whole, std::memory_order_relaxed);
  }
  return whole == Whole::kYes;
}

void Bpe::append(std::string_view piece, std::vector<std::int32_t>& ids) const {
  const Token token = token_of(piece);
  if (token != kNoToken && (ignore_merges_ || is_whole(token, piece))) {
    ids.push_back(ids_[token]);
    return;
  }
  Symbols symbols = characters(piece);
  merge(symbols);
  for (const Symbol& symbol : symbols)
    if (symbol.token != kNoToken) ids.push_back(ids_[symbol.token]);
}

}  // namespace forkdex
