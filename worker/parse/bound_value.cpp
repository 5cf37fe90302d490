#include "worker/parse/bound_value.h"

#include <tree_sitter/api.h>

#include <string_view>

#include "worker/parse/node_span.h"

namespace forkdex {
namespace {

std::optional<Span> field_of(TSNode node, std::string_view field) {
  const TSNode child =
      ts_node_child_by_field_name(node, field.data(), static_cast<std::uint32_t>(field.size()));
  if (ts_node_is_null(child)) return std::nullopt;
  return span_of(child);
}

NodeUse use_of(TSNode node, const std::vector<NodeUse>& uses) {
  const TSSymbol symbol = ts_node_symbol(node);
  return symbol < uses.size() ? uses[symbol] : NodeUse::kNone;
}

/// Whether the field that the cursor's node stands in holds no value of its parent: what a
/// condition or an index computes is not what the expression gives.
bool decides_only(const TSTreeCursor& cursor) {
  const char* field = ts_tree_cursor_current_field_name(&cursor);
  return field && (std::string_view(field) == "condition" || std::string_view(field) == "index");
}

BoundValue value_of(TSNode node, NodeUse use) {
  BoundValue value;
  value.use = use;
  value.span = span_of(node);
  value.body = field_of(node, "body");
  value.own_name = field_of(node, "name");
  return value;
}

}  // namespace

ValueFinder::ValueFinder() = default;

ValueFinder::~ValueFinder() {
  if (cursor_) ts_tree_cursor_delete(cursor_.get());
}

std::optional<BoundValue> ValueFinder::find(const TSNode& node, const std::vector<NodeUse>& uses) {
  if (cursor_) {
    ts_tree_cursor_reset(cursor_.get(), node);
  } else {
    cursor_ = std::make_unique<TSTreeCursor>(ts_tree_cursor_new(node));
  }
  std::optional<BoundValue> object;
  for (std::size_t depth = 0;;) {
    const TSNode current = ts_tree_cursor_current_node(cursor_.get());
    const NodeUse use = decides_only(*cursor_) ? NodeUse::kNone : use_of(current, uses);
    if (use == NodeUse::kFunction || use == NodeUse::kClass) return value_of(current, use);
    if (use == NodeUse::kObject && !object) object = value_of(current, use);
    const bool through = use == NodeUse::kThrough && depth < kMostWrappers;
    if (through && ts_tree_cursor_goto_first_child(cursor_.get())) {
      ++depth;
      continue;
    }
    for (; depth > 0 && !ts_tree_cursor_goto_next_sibling(cursor_.get()); --depth)
      ts_tree_cursor_goto_parent(cursor_.get());
    if (depth == 0) return object;
  }
}

}  // namespace forkdex
