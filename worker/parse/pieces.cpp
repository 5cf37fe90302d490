#include "worker/parse/pieces.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "worker/parse/documentation.h"

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
    Region file{{0, text_.size()}, Piece{}, /*only_multi_line=*/false};
    std::size_t position = 0;
    cut_children(file, outline_.top, position);
    cut_gap(file, {position, text_.size()});
    return std::move(pieces_);
  }

 private:
  /// What is being cut around its children.
  struct Region {
    Span span;
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
    Region region{definition.span, whole, !is_class};
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

/// Line numbers of ascending or any offsets; 1-based.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) {
    for (std::size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1)) {
      ends_.push_back(i);
    }
  }
  std::uint32_t line_of(std::size_t offset) const {
    const auto ends_before = std::ranges::lower_bound(ends_, offset) - ends_.begin();
    return static_cast<std::uint32_t>(ends_before + 1);
  }

 private:
  std::vector<std::size_t> ends_;
};

/// Which part of its definition a piece is.
struct Part {
  std::uint32_t number = 1;
  std::uint32_t count = 1;
};

std::vector<Part> parts_of(const std::vector<Piece>& pieces, std::size_t definitions) {
  std::vector<std::uint32_t> seen(definitions, 0);
  std::vector<Part> parts(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].owner != Piece::kNoOwner) parts[i].number = ++seen[pieces[i].owner];
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].owner != Piece::kNoOwner) parts[i].count = seen[pieces[i].owner];
  }
  return parts;
}

void describe(Chunk& chunk, const Definition& definition, Part part, const Outline& outline,
              std::string_view text, const LineIndex& lines) {
  chunk.name = definition.name;
  chunk.qualified_name = definition.qualified_name;
  chunk.parent = definition.parent;
  chunk.signature = signature_of(definition, outline, text);
  nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
  if (auto decorators = decorators_of(definition, outline, text); !decorators.empty()) {
    metadata["decorators"] = std::move(decorators);
  }
  if (part.count > 1) {
    metadata["part"] = part.number;
    metadata["parts"] = part.count;
  }
  const std::uint32_t definition_line = lines.line_of(definition.code_begin);
  if (part.number == 1) {
    chunk.docstring = docstring_of(definition, outline, text);
    chunk.definition_line = std::min(definition_line, chunk.end_line);
  } else {
    metadata["definition_line"] = definition_line;
  }
  chunk.metadata = metadata.dump();
}

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

std::vector<Chunk> to_chunks(const DecodedText& decoded, const Outline& outline,
                             const std::vector<Piece>& pieces) {
  const std::string_view text = decoded.text();
  const LineIndex lines(text);
  const std::vector<Part> parts = parts_of(pieces, outline.definitions.size());
  std::vector<Chunk> chunks(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    Chunk& chunk = chunks[i];
    chunk.ordinal = static_cast<std::uint32_t>(i);
    chunk.kind = piece.kind;
    chunk.source = slice(text, piece.span);
    chunk.start_line = lines.line_of(piece.span.begin);
    chunk.end_line = lines.line_of(piece.span.end - 1);
    chunk.definition_line = chunk.start_line;
    chunk.start_byte = decoded.disk_offset(piece.span.begin);
    chunk.end_byte = decoded.disk_offset(piece.span.end);
    if (piece.owner != Piece::kNoOwner) {
      describe(chunk, outline.definitions[piece.owner], parts[i], outline, text, lines);
    } else if (piece.scope != Piece::kNoOwner) {
      chunk.parent = outline.definitions[piece.scope].qualified_name;
    }
    const bool documented = outline.docstring && piece.owner == Piece::kNoOwner &&
                            piece.span.begin <= outline.docstring->begin &&
                            outline.docstring->begin < piece.span.end;
    if (documented) {
      chunk.docstring = capped(literal_text(slice(text, *outline.docstring)), kMaxDocstringBytes);
    }
  }
  return chunks;
}

}  // namespace forkdex
