#pragma once

// Where a node of a syntax tree stands in the text.

#include <tree_sitter/api.h>

#include "worker/parse/span.h"

namespace forkdex {

inline Span span_of(TSNode node) { return {ts_node_start_byte(node), ts_node_end_byte(node)}; }

}  // namespace forkdex
