#include "worker/parse/borders.h"

#include <tree_sitter/api.h>

#include <algorithm>

#include "worker/parse/line_ends.h"
#include "worker/parse/node_span.h"

namespace forkdex {
namespace {

/// Nodes up to this size on one line are not looked into: a cut there would gain nothing.
constexpr std::size_t kAtomBytes = 64;

void add_line_starts(std::string_view text, Span span, std::vector<Border>& borders) {
  for (std::size_t i = span.begin; i < span.end; ++i) {
    if (ends_line(text, i) && i + 1 < span.end) borders.push_back({i + 1, kLineRank});
  }
}

bool contains(const std::vector<bool>& types, std::uint16_t symbol) {
  return symbol < types.size() && types[symbol];
}

/// Walks a tree in document order without recursion: a hostile file nests a million deep.
class BorderWalk {
 public:
  BorderWalk(const Tree& tree, const NodeTypes& types, std::string_view text)
      : types_(types), text_(text), cursor_(ts_tree_cursor_new(ts_tree_root_node(tree.get()))) {}
  BorderWalk(const BorderWalk&) = delete;
  BorderWalk& operator=(const BorderWalk&) = delete;
  ~BorderWalk() { ts_tree_cursor_delete(&cursor_); }

  std::vector<Border> run() {
    levels_.push_back({.is_block = true});  // whatever the root is, its children are statements
    if (!ts_tree_cursor_goto_first_child(&cursor_)) {
      const TSNode root = ts_tree_cursor_current_node(&cursor_);
      add_line_starts(text_, span_of(root), borders_);
      return std::move(borders_);
    }
    do {
      visit(ts_tree_cursor_current_node(&cursor_));
    } while (advance());
    return std::move(borders_);
  }

 private:
  struct Level {
    bool is_block = false;
    bool after_comment = false;    // the last sibling is a comment on a line of its own
    std::size_t previous_end = 0;  // of the last sibling
  };

  void visit(TSNode node) {
    const Span span = span_of(node);
    const TSSymbol symbol = ts_node_symbol(node);
    const bool is_comment = contains(types_.comments, symbol);
    Level& level = levels_.back();
    if (borders_.empty() || span.begin > borders_.back().offset) {
      borders_.push_back({span.begin, kTokenRank});
      if (first_on_line(text_, span.begin)) borders_.back().rank = kLineRank;
    }
    const bool own_line = is_comment && first_on_line(text_, span.begin);
    const bool sticks =
        level.after_comment && !has_empty_line(text_, {level.previous_end, span.begin});
    if (level.is_block && ts_node_is_named(node) && !sticks && !(is_comment && !own_line)) {
      borders_.back().rank = std::min(borders_.back().rank, block_rank());
    }
    level.after_comment = own_line;
    level.previous_end = span.end;
    descend_ = span.size() > kAtomBytes || slice(text_, span).find('\n') != std::string_view::npos;
    if (descend_ && ts_node_child_count(node) == 0) {
      add_line_starts(text_, span, borders_);
      descend_ = false;
    }
    next_is_block_ = contains(types_.blocks, symbol);
  }

  /// Moves to the next node in document order; false after the last.
  bool advance() {
    if (descend_ && ts_tree_cursor_goto_first_child(&cursor_)) {
      if (next_is_block_) ++blocks_;
      levels_.push_back({.is_block = next_is_block_});
      return true;
    }
    while (!ts_tree_cursor_goto_next_sibling(&cursor_)) {
      if (levels_.size() == 1) return false;
      if (levels_.back().is_block) --blocks_;
      levels_.pop_back();
      ts_tree_cursor_goto_parent(&cursor_);
    }
    return true;
  }

  std::uint8_t block_rank() const {
    return static_cast<std::uint8_t>(std::min<std::size_t>(blocks_, kDeepestBlockRank));
  }

  const NodeTypes& types_;
  std::string_view text_;
  TSTreeCursor cursor_;
  std::vector<Level> levels_;
  std::size_t blocks_ = 0;  // how many levels but the root's are blocks
  bool descend_ = false;
  bool next_is_block_ = false;
  std::vector<Border> borders_;
};

}  // namespace

std::vector<Border> syntax_borders(const Tree& tree, const NodeTypes& types,
                                   std::string_view text) {
  return BorderWalk(tree, types, text).run();
}

std::vector<Border> line_borders(std::string_view text) {
  std::vector<Border> borders;
  add_line_starts(text, {0, text.size()}, borders);
  return borders;
}

}  // namespace forkdex
