#include "worker/parse/pieces.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/parse/fragments.h"

namespace forkdex {
namespace {

using Form = Definition::Form;

/// One text being cut. Recursion is as deep as definitions nest, which the outline bounds.
class Cutting {
 public:
  Cutting(std::string_view text, const Outline& outline, const Splitter& splitter,
          const std::function<std::vector<Border>()>& make_borders)
      : text_(text), outline_(outline), splitter_(splitter), make_borders_(make_borders) {}

  std::vector<Piece> run() {
    const Region file{Piece{}, /*only_multi_line=*/false};
    std::size_t position = 0;
    cut_children(file, outline_.top, position);
    cut_gap(file, {position, text_.size()}, /*before_child=*/false);
    if (opener_) pieces_.push_back(*opener_);
    return std::move(pieces_);
  }

 private:
  static constexpr std::size_t kNoOpener = SIZE_MAX;

  /// What is being cut around its children.
  struct Region {
    Piece piece;                     // what a gap between children becomes, but for its span
    bool only_multi_line;            // a child on one line stays text of the region
    std::size_t opener = kNoOpener;  // where the code begins that opens a scope
  };

  void cut_children(const Region& region, const std::vector<std::uint32_t>& children,
                    std::size_t& position) {
    for (const std::uint32_t index : children) {
      const Definition& child = outline_.definitions[index];
      if (child.form == Form::kScope) {
        cut_scope(region, index, position);
        continue;
      }
      if (!stands_alone(child, region)) continue;
      cut_gap(region, {position, child.span.begin}, /*before_child=*/true);
      cut_definition(index);
      position = child.span.end;
    }
  }

  void cut_scope(Region region, std::uint32_t index, std::size_t& position) {
    const Definition& scope = outline_.definitions[index];
    if (region.piece.owner == Piece::kNoOwner) {
      if (holds_chunks(scope, region)) {
        cut_gap(region, {position, scope.span.begin}, /*before_child=*/true);
        position = scope.span.begin;
        region.opener = scope.code_begin;
      }
      region.piece.scope = index;
    }
    cut_children(region, scope.children, position);
  }

  /// Whether something in `scope` becomes a chunk of its own.
  bool holds_chunks(const Definition& scope, const Region& region) const {
    return std::ranges::any_of(scope.children, [&](std::uint32_t index) {
      const Definition& child = outline_.definitions[index];
      return child.form == Form::kScope ? holds_chunks(child, region) : stands_alone(child, region);
    });
  }

  bool stands_alone(const Definition& child, const Region& region) const {
    if (child.kind == ChunkKind::kClass) return true;
    if (child.form == Form::kDefinition && !region.only_multi_line) return true;
    return slice(text_, {child.code_begin, child.span.end}).find('\n') != std::string_view::npos;
  }

  void cut_definition(std::uint32_t index) {
    const Definition& definition = outline_.definitions[index];
    const bool is_class = definition.kind == ChunkKind::kClass;
    const Piece whole{definition.span, index, Piece::kNoOwner, definition.kind};
    if (!is_class && splitter_.fits(definition.span)) {
      add(whole);
      return;
    }
    const Region region{whole, /*only_multi_line=*/!is_class};
    std::size_t position = definition.span.begin;
    cut_children(region, definition.children, position);
    cut_gap(region, {position, definition.span.end}, /*before_child=*/false);
  }

  /// Cuts what stands between two children, before the first (of which one follows) or after the
  /// last.
  void cut_gap(const Region& region, Span gap, bool before_child) {
    gap = trimmed(text_, gap);
    if (!begins_definition(gap, region)) gap = close_last_piece(gap);
    if (gap.size() == 0) return;
    Piece piece = region.piece;
    piece.span = gap;
    if (!is_within(gap, piece.scope)) piece.scope = Piece::kNoOwner;
    if (opens_scope(gap, region) || (before_child && only_opens_child(gap, region))) {
      add_opener(piece);
      return;
    }
    if (splitter_.fits(gap)) {
      add(piece);
      return;
    }
    std::vector<Span> parts;
    splitter_.split(gap, borders(), parts);
    for (const Span part : parts) {
      piece.span = part;
      add(piece);
    }
  }

  /// Whether the region's definition begins in `gap`. In damaged text that may look as if it only
  /// closed what is before.
  bool begins_definition(Span gap, const Region& region) const {
    const std::uint32_t owner = region.piece.owner;
    return owner != Piece::kNoOwner && gap.begin <= outline_.definitions[owner].code_begin;
  }

  /// Whether `gap` does nothing but open the region's scope, in one line: `module.exports = {`.
  bool opens_scope(Span gap, const Region& region) const {
    if (region.opener < gap.begin || region.opener >= gap.end || !splitter_.fits(gap)) return false;
    return slice(text_, {region.opener, gap.end}).find('\n') == std::string_view::npos;
  }

  /// Whether `gap` does nothing but open what the next child stands in: `if (x) {`. What names the
  /// region's definition is never that.
  bool only_opens_child(Span gap, const Region& region) const {
    if (!splitter_.fits(gap) || !only_opens(slice(text_, gap))) return false;
    if (region.piece.owner == Piece::kNoOwner) return true;
    return gap.begin >= outline_.definitions[region.piece.owner].signature_end &&
           has_pieces(region);
  }

  /// Whether the definition of `region` has a piece: it stands at or after where that begins.
  bool has_pieces(const Region& region) const {
    const std::size_t begin = outline_.definitions[region.piece.owner].span.begin;
    return !pieces_.empty() && pieces_.back().span.begin >= begin;
  }

  void add_opener(const Piece& piece) {
    if (opener_ && splitter_.fits({opener_->span.begin, piece.span.end})) {
      opener_->span.end = piece.span.end;
      return;
    }
    if (opener_) pieces_.push_back(*opener_);
    opener_ = piece;
  }

  /// Adds a piece. What opens a scope says nothing alone: it goes with what it stands before.
  void add(Piece piece) {
    if (opener_) {
      const Span joined{opener_->span.begin, piece.span.end};
      if (splitter_.fits(joined)) {
        piece.span = joined;
      } else {
        pieces_.push_back(*opener_);
      }
      opener_.reset();
    }
    pieces_.push_back(piece);
  }

  bool is_within(Span gap, std::uint32_t scope) const {
    if (scope == Piece::kNoOwner) return false;
    const Span outer = outline_.definitions[scope].span;
    return outer.begin < gap.begin && gap.end <= outer.end;
  }

  /// What only closes something says nothing alone: that which `gap` begins with goes with the
  /// piece that it closes. Gives what is left of the gap.
  Span close_last_piece(Span gap) {
    if (pieces_.empty() || opener_) return gap;
    const Span last = pieces_.back().span;
    const std::size_t closing =
        closing_bytes(slice(text_, {last.end, gap.end}), text_[last.end - 1]);
    const Span joined{last.begin, last.end + closing};
    if (closing == 0 || !splitter_.fits(joined)) return gap;
    pieces_.back().span = joined;
    return trimmed(text_, {joined.end, gap.end});
  }

  const std::vector<Border>& borders() {
    if (!borders_) borders_ = make_borders_();
    return *borders_;
  }

  std::string_view text_;
  const Outline& outline_;
  const Splitter& splitter_;
  const std::function<std::vector<Border>()>& make_borders_;
  std::optional<std::vector<Border>> borders_;
  std::vector<Piece> pieces_;
  std::optional<Piece> opener_;  // waits for the piece that it stands before
};

}  // namespace

std::vector<Piece> cut_by_outline(std::string_view text, const Outline& outline,
                                  const Splitter& splitter,
                                  const std::function<std::vector<Border>()>& borders) {
  return Cutting(text, outline, splitter, borders).run();
}

std::vector<Piece> cut_by_lines(std::string_view text, const Splitter& splitter) {
  const Span whole = trimmed(text, {0, text.size()});
  std::vector<Span> spans;
  if (whole.size() == 0) return {};
  if (splitter.fits(whole)) {
    spans.push_back(whole);
  } else {
    splitter.split(whole, line_borders(text), spans);
  }
  std::vector<Piece> pieces;
  for (const Span span : spans) {
    pieces.push_back({span, Piece::kNoOwner, Piece::kNoOwner, ChunkKind::kText});
  }
  return pieces;
}

}  // namespace forkdex
