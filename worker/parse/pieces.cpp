#include "worker/parse/pieces.h"

#include <algorithm>
#include <optional>
#include <utility>

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
    cut_gap(file, {position, text_.size()});
    return std::move(pieces_);
  }

 private:
  /// What is being cut around its children.
  struct Region {
    Piece piece;           // what a gap between children becomes, but for its span
    bool only_multi_line;  // a child on one line stays text of the region
  };

  void cut_children(const Region& region, const std::vector<std::uint32_t>& children,
                    std::size_t& position) {
    for (const std::uint32_t index : children) {
      const Definition& child = outline_.definitions[index];
      if (child.form == Form::kScope) {
        Region inner = region;
        if (inner.piece.owner == Piece::kNoOwner) inner.piece.scope = index;
        cut_children(inner, child.children, position);
        continue;
      }
      if (!stands_alone(child, region)) continue;
      cut_gap(region, {position, child.span.begin});
      cut_definition(index);
      position = child.span.end;
    }
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
      pieces_.push_back(whole);
      return;
    }
    const Region region{whole, /*only_multi_line=*/!is_class};
    std::size_t position = definition.span.begin;
    cut_children(region, definition.children, position);
    cut_gap(region, {position, definition.span.end});
  }

  void cut_gap(const Region& region, Span gap) {
    gap = close_last_piece(trimmed(text_, gap));
    if (gap.size() == 0) return;
    Piece piece = region.piece;
    piece.span = gap;
    if (!is_within(gap, piece.scope)) piece.scope = Piece::kNoOwner;
    if (splitter_.fits(gap)) {
      pieces_.push_back(piece);
      return;
    }
    std::vector<Span> parts;
    splitter_.split(gap, borders(), parts);
    for (const Span part : parts) {
      piece.span = part;
      pieces_.push_back(piece);
    }
  }

  bool is_within(Span gap, std::uint32_t scope) const {
    if (scope == Piece::kNoOwner) return false;
    const Span outer = outline_.definitions[scope].span;
    return outer.begin < gap.begin && gap.end <= outer.end;
  }

  /// Closing brackets and separators say nothing alone: those that `gap` begins with go with the
  /// piece that they close. Gives what is left of the gap.
  Span close_last_piece(Span gap) {
    const std::string_view text = slice(text_, gap);
    const std::size_t closers = std::min(text.find_first_not_of("})];, \t\r\n\f\v"), text.size());
    const Span closing = trimmed(text_, {gap.begin, gap.begin + closers});
    if (pieces_.empty() || closing.size() == 0) return gap;
    const Span joined{pieces_.back().span.begin, closing.end};
    if (!splitter_.fits(joined)) return gap;
    pieces_.back().span = joined;
    return trimmed(text_, {closing.end, gap.end});
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
