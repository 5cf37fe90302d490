#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/utf8.h"
#include "worker/parse/documentation.h"
#include "worker/parse/line_index.h"
#include "worker/parse/pieces.h"

namespace forkdex {
namespace {

/// Which part of its definition a piece is.
struct Part {
  std::uint32_t number = 1;
  std::uint32_t count = 1;
  std::size_t first = 0;  // index of the definition's first piece
};

std::vector<Part> parts_of(const std::vector<Piece>& pieces, std::size_t definitions) {
  std::vector<std::uint32_t> seen(definitions, 0);
  std::vector<std::size_t> first(definitions, 0);
  std::vector<Part> parts(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::uint32_t owner = pieces[i].owner;
    if (owner == Piece::kNoOwner) continue;
    parts[i].number = ++seen[owner];
    if (parts[i].number == 1) first[owner] = i;
    parts[i].first = first[owner];
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].owner != Piece::kNoOwner) parts[i].count = seen[pieces[i].owner];
  }
  return parts;
}

/// Turns pieces into chunks, in order.
class ChunkWriter {
 public:
  ChunkWriter(const DecodedText& decoded, std::string_view text, const Outline& outline,
              const std::vector<Piece>& pieces)
      : decoded_(decoded),
        text_(text),
        outline_(outline),
        pieces_(pieces),
        parts_(parts_of(pieces, outline.definitions.size())),
        lines_(text_) {}

  std::vector<Chunk> run() {
    chunks_.resize(pieces_.size());
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      place(chunks_[i], i);
      if (pieces_[i].owner == Piece::kNoOwner) {
        describe_between(chunks_[i], pieces_[i]);
      } else if (parts_[i].number == 1) {
        describe_definition(chunks_[i], i);
      } else {
        describe_further_part(chunks_[i], i);
      }
    }
    return std::move(chunks_);
  }

 private:
  void place(Chunk& chunk, std::size_t index) const {
    const Piece& piece = pieces_[index];
    chunk.ordinal = static_cast<std::uint32_t>(index);
    chunk.kind = piece.kind;
    chunk.source = slice(decoded_.text(), piece.span);
    chunk.start_line = lines_.line_of(piece.span.begin);
    chunk.end_line = lines_.line_of(piece.span.end - 1);
    chunk.definition_line = chunk.start_line;
    chunk.start_byte = decoded_.disk_offset(piece.span.begin);
    chunk.end_byte = decoded_.disk_offset(piece.span.end);
  }

  void describe_between(Chunk& chunk, const Piece& piece) const {
    if (piece.scope != Piece::kNoOwner) {
      chunk.parent = outline_.definitions[piece.scope].qualified_name;
    }
    const auto& docstring = outline_.docstring;
    if (docstring && piece.span.begin <= docstring->begin && docstring->begin < piece.span.end) {
      chunk.docstring = docstring_of_file(outline_, text_);
    }
  }

  void describe_definition(Chunk& chunk, std::size_t index) const {
    const Definition& definition = outline_.definitions[pieces_[index].owner];
    chunk.name = definition.name;
    chunk.qualified_name = definition.qualified_name;
    chunk.parent = definition.parent;
    chunk.signature = signature_of(definition, outline_, text_);
    chunk.docstring = docstring_of(definition, outline_, text_);
    chunk.definition_line = lines_.line_of(definition.code_begin);
    nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
    if (auto decorators = decorators_of(definition, outline_, text_); !decorators.empty()) {
      metadata["decorators"] = std::move(decorators);
    }
    if (parts_[index].count > 1) {
      metadata["part"] = 1;
      metadata["parts"] = parts_[index].count;
    }
    chunk.metadata = metadata.dump();
  }

  void describe_further_part(Chunk& chunk, std::size_t index) const {
    const Chunk& first = chunks_[parts_[index].first];
    chunk.name = first.name;
    chunk.qualified_name = first.qualified_name;
    chunk.parent = first.parent;
    chunk.signature = first.signature;
    chunk.definition_line = first.definition_line;
    chunk.metadata =
        nlohmann::ordered_json{{"part", parts_[index].number}, {"parts", parts_[index].count}}
            .dump();
  }

  const DecodedText& decoded_;
  std::string_view text_;
  const Outline& outline_;
  const std::vector<Piece>& pieces_;
  std::vector<Part> parts_;
  LineIndex lines_;
  std::vector<Chunk> chunks_;
};

}  // namespace

std::vector<Chunk> to_chunks(const DecodedText& decoded, std::string_view text,
                             const Outline& outline, const std::vector<Piece>& pieces) {
  return ChunkWriter(decoded, text, outline, pieces).run();
}

}  // namespace forkdex
