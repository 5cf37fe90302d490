#pragma once

// From an outline to the pieces that become chunks: each definition its own, what stands between
// them by what it stands in.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "worker/parse/borders.h"
#include "worker/parse/chunk.h"
#include "worker/parse/decode.h"
#include "worker/parse/outline.h"
#include "worker/parse/splitter.h"

namespace forkdex {

/// A chunk-to-be: a span and the definition that it is (a part of).
struct Piece {
  static constexpr std::uint32_t kNoOwner = UINT32_MAX;

  Span span;
  std::uint32_t owner = kNoOwner;  ///< index into Outline::definitions
  std::uint32_t scope = kNoOwner;  ///< what stands around a piece without owner
  ChunkKind kind = ChunkKind::kModule;
};

/// Cuts a parsed text. `borders` is called at most once, when something is too large.
std::vector<Piece> cut_by_outline(std::string_view text, const Outline& outline,
                                  const Splitter& splitter,
                                  const std::function<std::vector<Border>()>& borders);

/// Cuts a text without grammar into windows of lines.
std::vector<Piece> cut_by_lines(std::string_view text, const Splitter& splitter);

/// The chunks of `pieces` of `text`, numbered, with lines and bytes as on disk. `text` is that of
/// `decoded`, but for carriage returns that were replaced. REQUIRES that pieces are ascending and
/// disjoint.
std::vector<Chunk> to_chunks(const DecodedText& decoded, std::string_view text,
                             const Outline& outline, const std::vector<Piece>& pieces);

}  // namespace forkdex
