#pragma once

// tree-sitter behind C++: parsers, compiled queries and trees with owners, errors as Results. Only
// it, reading.cpp, older_text.cpp, borders.cpp, bound_value.cpp and node_span.h see
// tree_sitter/api.h.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "worker/parse/bound_value.h"
#include "worker/parse/chunk.h"
#include "worker/parse/deadline.h"
#include "worker/parse/language.h"
#include "worker/parse/span.h"

struct TSParser;
struct TSTree;
struct TSQuery;
struct TSQueryCursor;

namespace forkdex {

/// What a capture in a query file stands for. Besides these, a pattern of one node type alone says
/// what bound_value.h does with such nodes: @through, @value.function, @value.class, @value.object.
/// Such a pattern matches nothing.
enum class Role : std::uint8_t {
  kDefinition,  ///< @definition.KIND: a chunk of its own, KIND being a ChunkKind's name
  kProperty,    ///< @property.KIND: the same, if it spans lines
  kScope,       ///< @scope: gives its name to what is in it, and is not a chunk
  kBinding,     ///< @binding.KIND: binds a name to @bound. Shown as a kDefinition of KIND or a
                ///< class, or as a kScope for an object; not shown if there is no value
  kMember,      ///< @member.KIND: the same, with kProperty in place of kDefinition
  kCall,        ///< @call.KIND: a statement with no name, shown as a kProperty if its value has one
                ///< or is a class
  kBound,       ///< @bound: where the value of the three before is looked for; shown as the value
  kOwnName,     ///< the name that the value itself has; no query captures it
  kName,        ///< @name: what a match speaks of; matches with the same name node are one
  kBody,        ///< @body: where the signature ends
  kDocstring,   ///< @docstring: documents the match's name, or the file where there is no name,
                ///< if it is a string
  kStart,       ///< @start: the definition of the match's name begins where this node does
  kEnd,         ///< @end: the definition of the match's name ends where this node does
  kOuter,       ///< @outer: both
  kStatement,   ///< @statement: the first definition in this node has what stands before it
  kComment,     ///< @comment: belongs to the definition that it stands directly above
  kDecorator,   ///< @decorator: likewise, and is part of the definition
  kElements,    ///< @elements: what is in this node is no member of what stands around it
  kBlock,       ///< @block: its children are statements, between which a definition may be cut
};

struct Capture {
  Role role;
  ChunkKind kind;        ///< of kDefinition and kProperty
  std::uint16_t symbol;  ///< the grammar's number for the node's type
  Span span;
  bool is_token = false;  ///< a word or mark of the language itself, such as `default`
};

struct TreeDeleter {
  void operator()(TSTree* tree) const;
};
using Tree = std::unique_ptr<TSTree, TreeDeleter>;

/// From now on calls `out_of_memory`, which must not return, when the parser finds no memory; by
/// itself it would abort(), as if it had a bug. Before the first parser is made.
void set_parser_memory_handler(void (*out_of_memory)());

/// Whether error recovery left thousands of tokens without structure at the top of `tree`. Nothing
/// would be found in it, and matching it would take quadratic time.
bool is_shapeless(const Tree& tree);

/// Parses texts of any language of the table. Keeps one parser, and each language's query once it
/// was needed (compiling takes milliseconds). One thread.
class SyntaxParser {
 public:
  using MatchVisitor = std::function<void(std::span<const Capture>)>;

  SyntaxParser();
  ~SyntaxParser();

  /// Compiles what `language` needs, unless it is compiled: that takes as long as parsing many
  /// files, and is no file's fault. ERRORS kBug for a query file that does not fit its grammar.
  Result<void> prepare(const Language& language);

  /// Parses `text`. Always gives a tree, with error nodes where the grammar does not fit.
  /// REQUIRES text.size() < 4 GiB. ERRORS kParseFailed when `countdown` has passed.
  Result<Tree> parse(const Language& language, std::string_view text, const Countdown& countdown);
  /// The same for `section` alone; the tree's spans are those of `text`. REQUIRES that the section
  /// begins a line.
  Result<Tree> parse(const Language& language, std::string_view text, Span section,
                     const Countdown& countdown);

  /// Shows `visit` every match of the language's query in `tree`, captures in the query's order.
  /// REQUIRES that `tree` was parsed as `language`. ERRORS as parse; kBug for a query file that
  /// does not fit its grammar.
  Result<void> match(const Language& language, const Tree& tree, const Countdown& countdown,
                     const MatchVisitor& visit);

 private:
  struct Query;
  Result<const Query*> query_of(const Language& language);

  struct ParserDeleter {
    void operator()(TSParser* parser) const;
  };
  struct CursorDeleter {
    void operator()(TSQueryCursor* cursor) const;
  };
  std::unique_ptr<TSParser, ParserDeleter> parser_;
  std::unique_ptr<TSQueryCursor, CursorDeleter> cursor_;
  std::map<const TSLanguage*, std::unique_ptr<Query>> queries_;
  ValueFinder values_;
};

}  // namespace forkdex
