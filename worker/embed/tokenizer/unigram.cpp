#include "worker/embed/tokenizer/unigram.h"

#include <algorithm>

#include <fmt/format.h>

#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

// By how much an unknown character is worse than the worst token.
constexpr double kUnknownPenalty = 10.0;

std::vector<TokenTrie::Entry> entries_of(const std::vector<Unigram::Scored>& vocabulary) {
  std::vector<TokenTrie::Entry> entries;
  entries.reserve(vocabulary.size());
  for (std::size_t id = 0; id < vocabulary.size(); ++id)
    entries.emplace_back(vocabulary[id].token, static_cast<std::int32_t>(id));
  return entries;
}

}  // namespace

Unigram::Unigram(std::vector<Scored> vocabulary, std::int32_t unknown_id, bool byte_fallback)
    : tokens_(entries_of(vocabulary)), unknown_id_(unknown_id) {
  double lowest = vocabulary.front().score;
  for (const Scored& scored : vocabulary) {
    scores_.push_back(scored.score);
    lowest = std::min(lowest, scored.score);
    longest_ = std::max(longest_, scored.token.size());
  }
  unknown_score_ = lowest - kUnknownPenalty;
  if (!byte_fallback) return;
  byte_ids_.emplace();
  for (unsigned byte = 0; byte < 256; ++byte)
    (*byte_ids_)[byte] = find(fmt::format("<0x{:02X}>", byte));
}

// Viterbi's algorithm, forward over the places between characters. Scores are kept only as far
// ahead as a token reaches, so that a long piece costs two bytes of memory a byte.
std::vector<Unigram::Step> Unigram::best_steps(std::string_view piece) const {
  std::vector<Step> steps(piece.size() + 1);
  std::vector<double> window(std::min(longest_, piece.size()) + 1, 0.0);
  const auto score_at = [&](std::size_t place) -> double& { return window[place % window.size()]; };
  const auto offer = [&](std::size_t place, std::size_t bytes, double score, bool unknown) {
    Step& step = steps[place];
    if (step.bytes != 0 && score <= score_at(place)) return;
    step.bytes = static_cast<std::uint16_t>(bytes & 0x7FFF);
    step.unknown = unknown ? 1 : 0;
    score_at(place) = score;
  };
  for (std::size_t from = 0; from < piece.size();) {
    const double before = score_at(from);
    std::string_view rest = piece.substr(from);
    unicode::take_code_point(rest);
    const std::size_t character = piece.size() - from - rest.size();
    bool covered = false;  // by a token of this character alone
    TokenTrie::Node node = TokenTrie::kRoot;
    for (std::size_t to = from; to < piece.size();) {
      node = tokens_.child(node, static_cast<unsigned char>(piece[to++]));
      if (node == TokenTrie::kNone) break;
      const std::int32_t id = tokens_.value(node);
      if (id == TokenTrie::kNoValue) continue;
      offer(to, to - from, scores_[static_cast<std::size_t>(id)] + before, id == unknown_id_);
      covered = covered || to - from == character;
    }
    if (!covered) offer(from + character, character, unknown_score_ + before, true);
    from += character;
  }
  return steps;
}

void Unigram::append_token(std::string_view token, std::vector<std::int32_t>& ids) const {
  if (const auto id = find(token)) return ids.push_back(*id);
  const auto id_of = [&](char byte) { return (*byte_ids_)[static_cast<unsigned char>(byte)]; };
  const bool spelled = byte_ids_ && std::all_of(token.begin(), token.end(), id_of);
  if (!spelled) return ids.push_back(unknown_id_);
  for (const char byte : token) ids.push_back(*id_of(byte));
}

void Unigram::append(std::string_view piece, std::vector<std::int32_t>& ids) const {
  std::vector<Step> steps = best_steps(piece);
  // From the end the best way is known; its steps, turned round, lead there from the start.
  std::size_t place = piece.size();
  Step ahead;
  while (place > 0) {
    const Step step = steps[place];
    steps[place] = ahead;
    ahead = step;
    place -= step.bytes;
  }
  steps[0] = ahead;
  for (std::size_t start = 0; start < piece.size();) {
    std::size_t end = start + steps[start].bytes;
    if (steps[start].unknown)
      while (end < piece.size() && steps[end].unknown) end += steps[end].bytes;
    append_token(piece.substr(start, end - start), ids);
    start = end;
  }
}

}  // namespace forkdex
