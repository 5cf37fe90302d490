#pragma once

// What a name is bound to, wherever the source wraps it: `const f = memo((a) => a)` binds f to the
// arrow function. A language's query file says which nodes are values and which are looked through.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "worker/parse/span.h"

struct TSNode;
struct TSTreeCursor;

namespace forkdex {

/// What looking for a value does with a node of one type.
enum class NodeUse : std::uint8_t {
  kNone,      ///< nothing in it is bound to the name
  kThrough,   ///< looked through: the value may be any of its children
  kFunction,  ///< is a value
  kClass,     ///< is a value
  kObject,    ///< is a value: its members are named by it
};

struct BoundValue {
  NodeUse use = NodeUse::kNone;  ///< kFunction, kClass or kObject
  Span span;
  std::optional<Span> body;
  std::optional<Span> own_name;  ///< as in `function name() {}` used as a value
};

/// Finds values below the nodes of one tree after another. One thread.
class ValueFinder {
 public:
  static constexpr std::size_t kMostWrappers = 64;

  ValueFinder();
  ~ValueFinder();

  /// The first function or class, in document order, that `node` is or that is only wrapped in it;
  /// without one the first object. `uses` is indexed by the grammar's number for a node's type.
  /// Linear in the nodes that are looked through, which are at most kMostWrappers deep: a text of
  /// nested bindings has each node looked at no more often than that.
  std::optional<BoundValue> find(const TSNode& node, const std::vector<NodeUse>& uses);

 private:
  std::unique_ptr<TSTreeCursor> cursor_;  // null until the first find
};

}  // namespace forkdex
