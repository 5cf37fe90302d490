#pragma once

// Where a text that is too large may be cut, and how good each place is.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/parse/syntax.h"

namespace forkdex {

/// A place where a text may be cut. Rank 0 is best: a statement of the outermost block; a
/// statement n blocks deeper has rank n.
struct Border {
  std::size_t offset;
  std::uint8_t rank;
};
inline constexpr std::uint8_t kDeepestBlockRank = 200;
inline constexpr std::uint8_t kLineRank = 201;   ///< a line's first token
inline constexpr std::uint8_t kTokenRank = 202;  ///< anywhere else between two tokens

/// The grammar's numbers of the node types that a query captures as @block and @comment.
struct NodeTypes {
  std::vector<bool> blocks;
  std::vector<bool> comments;
};

/// The borders of a parsed text, ascending: statements, lines, and tokens some tens of bytes apart.
/// Linear in the tree, whatever its depth.
std::vector<Border> syntax_borders(const Tree& tree, const NodeTypes& types, std::string_view text);

/// The start of every line but the first, ascending. A lone carriage return ends a line here.
std::vector<Border> line_borders(std::string_view text);

}  // namespace forkdex
