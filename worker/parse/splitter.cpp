#include "worker/parse/splitter.h"

#include <algorithm>
#include <limits>

#include "common/base/utf8.h"
#include "worker/parse/decode.h"

namespace forkdex {
namespace {

/// Source has three to five bytes a token; beyond kMaxBytesPerToken it is data.
constexpr std::size_t kUsualBytesPerToken = 4;
constexpr std::size_t kMaxBytesPerToken = 32;
constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

}  // namespace

Splitter::Splitter(std::string_view text, const TokenCount& count_tokens, std::size_t max_tokens)
    : text_(text),
      count_tokens_(count_tokens),
      max_tokens_(max_tokens),
      max_bytes_(max_tokens * kMaxBytesPerToken),
      special_tokens_(count_tokens({})) {}

std::size_t Splitter::count(Span span) const { return count_tokens_(slice(text_, span)); }

bool Splitter::fits(Span span) const {
  return span.size() <= max_bytes_ && count(span) <= max_tokens_;
}

/// The longest start of `span` that fits, or nearly; at least one code point.
Span Splitter::first_characters(Span span) const {
  const auto border = [this](std::size_t offset) { return code_point_border(text_, offset); };
  // From what source usually takes, up or down: counting all that could fit, for each piece anew,
  // would be counting every byte thirty times.
  std::size_t most = std::min(span.size(), max_bytes_);
  bool all_may_fit = true;
  Span piece{span.begin, border(span.begin + std::min(most, max_tokens_ * kUsualBytesPerToken))};
  Span fitting{span.begin, span.begin};
  while (piece.size() > fitting.size()) {
    const std::size_t tokens = std::max<std::size_t>(1, count(piece));
    if (tokens <= max_tokens_) {
      fitting = piece;
    } else {
      all_may_fit = false;
      most = piece.size() - 1;
    }
    const std::size_t wanted = std::min(most, piece.size() * max_tokens_ / tokens * 9 / 10);
    const bool worth_it = wanted >= fitting.size() + fitting.size() / 4;
    if (!worth_it && !(all_may_fit && wanted == most)) break;
    piece.end = border(piece.begin + wanted);
  }
  if (fitting.size() == 0) {  // one code point has to do, however many tokens it is
    do ++fitting.end;
    while (fitting.end < span.end && border(fitting.end) != fitting.end);
  }
  if (fitting.end == span.end) return fitting;
  for (std::size_t i = fitting.end; i > fitting.begin + fitting.size() / 2; --i) {
    if (is_space(text_[i - 1])) return {fitting.begin, i};
  }
  return fitting;
}

/// One split in progress: the span as atoms between borders, packed greedily from its start.
class Packing {
 public:
  Packing(const Splitter& splitter, Span span, const std::vector<Border>& borders)
      : splitter_(splitter), end_(span.end) {
    auto border = std::ranges::upper_bound(borders, span.begin, {}, &Border::offset);
    atoms_.push_back({span.begin, 0, kUnknown});
    for (; border != borders.end() && border->offset < span.end; ++border) {
      atoms_.push_back({border->offset, border->rank, kUnknown});
    }
  }

  void run(std::vector<Span>& pieces) {
    while (first_ < atoms_.size()) {
      const Span piece = trimmed(splitter_.text_, next_piece());
      if (piece.size() > 0) pieces.push_back(piece);
    }
  }

 private:
  struct Atom {
    std::size_t begin;
    std::uint8_t rank;
    std::size_t tokens;  // without special tokens; kUnknown until counted
  };

  std::size_t end_of(std::size_t atom) const {
    return atom + 1 < atoms_.size() ? atoms_[atom + 1].begin : end_;
  }

  std::size_t tokens_of(std::size_t atom) {
    Atom& it = atoms_[atom];
    if (it.tokens == kUnknown) {
      const std::size_t tokens = splitter_.count({it.begin, end_of(atom)});
      it.tokens = tokens - std::min(tokens, splitter_.special_tokens_);
    }
    return it.tokens;
  }

  /// The atom after the last that fits with those from first_ on.
  std::size_t window_end(std::size_t budget) {
    std::size_t used = splitter_.special_tokens_;
    std::size_t atom = first_;
    for (; atom < atoms_.size(); ++atom) {
      if (end_of(atom) - atoms_[first_].begin > splitter_.max_bytes_) break;
      used += tokens_of(atom);
      if (used > budget) break;
    }
    return atom;
  }

  /// The best atom to begin the next piece with: lowest rank, then latest; not so early that
  /// crumbs remain, if there is a choice.
  std::size_t best_cut(std::size_t window) const {
    const std::size_t begin = atoms_[first_].begin;
    const std::size_t enough = begin + (atoms_[window].begin - begin) / 4;
    std::size_t best = window;
    for (std::size_t atom = window; atom > first_ && atoms_[atom].begin >= enough; --atom) {
      if (atoms_[atom].rank < atoms_[best].rank) best = atom;
    }
    return best;
  }

  Span next_piece() {
    for (std::size_t budget = splitter_.max_tokens_;;) {
      const std::size_t window = window_end(budget);
      if (window == first_ || budget == 0) return cut_atom();
      const std::size_t cut = window == atoms_.size() ? window : best_cut(window);
      const Span piece{atoms_[first_].begin, cut == atoms_.size() ? end_ : atoms_[cut].begin};
      const std::size_t tokens = splitter_.count(trimmed(splitter_.text_, piece));
      if (tokens <= splitter_.max_tokens_) {
        first_ = cut;
        return piece;
      }
      // Rare: together the atoms are more tokens than one by one.
      budget = std::min(budget - 1, budget * splitter_.max_tokens_ / tokens);
    }
  }

  /// Takes as much of the first atom as fits and leaves the rest of it as the first atom.
  Span cut_atom() {
    const Span piece = splitter_.first_characters({atoms_[first_].begin, end_of(first_)});
    if (piece.end == end_of(first_)) {
      ++first_;
    } else {
      atoms_[first_].begin = piece.end;
      atoms_[first_].tokens = kUnknown;
    }
    return piece;
  }

  const Splitter& splitter_;
  std::size_t end_;
  std::vector<Atom> atoms_;
  std::size_t first_ = 0;  // the atom that the next piece begins with
};

void Splitter::split(Span span, const std::vector<Border>& borders,
                     std::vector<Span>& pieces) const {
  Packing(*this, span, borders).run(pieces);
}

}  // namespace forkdex
