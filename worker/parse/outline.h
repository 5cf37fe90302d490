#pragma once

// What a file defines, as a tree: from the matches of its language's query to definitions with
// names, scopes and the comments above them. Pure, and the same for every language.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/parse/borders.h"
#include "worker/parse/chunk.h"
#include "worker/parse/line_index.h"
#include "worker/parse/span.h"
#include "worker/parse/syntax.h"

namespace forkdex {

struct Definition {
  enum class Form : std::uint8_t {
    kDefinition,
    kProperty,  ///< a function in an object literal: a chunk of its own if it spans lines
    kScope,     ///< a namespace or a bound object literal: no chunk, only a name
  };

  Form form = Form::kDefinition;
  ChunkKind kind = ChunkKind::kModule;    ///< kModule for a scope
  Span span;                              ///< with the comments attached above, and with what no
                                          ///< definition of its statement holds: `let a,`
  std::size_t comments_begin = 0;         ///< the first comment attached above, or code_begin
  std::size_t code_begin = 0;             ///< first decorator or keyword
  Span statement;                         ///< that it is a part of, or its own code
  Span value;                             ///< what the name is bound to, or all of it
  std::optional<std::size_t> list_begin;  ///< of the innermost list that it stands in
  bool names_itself = false;              ///< the name is the value's own: `f(class A {})`
  std::size_t name_begin = 0;
  std::size_t signature_end = 0;  ///< where the body begins, or the definition's end
  std::string name;
  std::string qualified_name;
  std::string parent;             ///< qualified name of the enclosing definition or scope, or empty
  std::optional<Span> docstring;  ///< the statement that is one if it is a string
  std::vector<std::uint32_t> children;  ///< indices into Outline::definitions, ascending, disjoint
};

struct Outline {
  std::vector<Definition> definitions;  ///< in document order, outer before inner
  std::vector<std::uint32_t> top;       ///< those that stand in no other
  std::vector<Span> comments;           ///< ascending
  std::vector<Span> decorators;         ///< ascending
  std::optional<Span> docstring;        ///< the same of the file
  Documentation documentation = Documentation::kComments;
  NodeTypes types;
};

/// Collects matches, then builds the outline. One file each.
class OutlineBuilder {
 public:
  explicit OutlineBuilder(std::string_view text);

  void add(std::span<const Capture> match);

  /// Definitions nested deeper than a human would write are left out: they stay text of the
  /// definition around them. REQUIRES that it is called once, last.
  Outline build() &&;

 private:
  /// What the matches say of one name.
  struct Draft {
    std::size_t name_begin = 0;
    std::size_t name_end = 0;
    bool name_is_token = false;  // `default`, or what stands where there is no name
    std::optional<Capture> definition;
    std::optional<std::size_t> start;
    std::optional<std::size_t> end;
    std::optional<std::size_t> body;
    std::optional<Span> docstring;
    std::optional<Span> statement;  // that it is a part of
    std::optional<Span> value;      // what the name is bound to
    std::optional<Span> own_name;   // the value's own
  };

  void add_unnamed(const Capture& capture);
  static void add_to(Draft& draft, const Capture& capture);
  static void merge_into(Draft& into, const Draft& draft);
  std::vector<Draft> merged_drafts();
  Definition definition_of(const Draft& draft);
  std::string name_of(const Draft& draft);
  void nest();
  void find_lists();
  void attach_comments(std::vector<std::uint32_t>& siblings, std::size_t floor);
  void name_within(std::uint32_t index, std::vector<const Definition*>& around);
  static bool is_member(const Definition& inner, const Definition& outer);
  std::size_t begin_of(const Definition& definition, std::size_t floor) const;
  std::size_t begin_with_decorators(std::size_t code_begin) const;
  bool only_comments(Span gap) const;
  std::size_t begin_with_comments(std::size_t code_begin, std::size_t floor) const;

  std::string_view text_;
  std::size_t head_end_;            // of the two lines in which a comment can speak of the file
  std::vector<Draft> drafts_;       // one a match; merged by name when building
  std::optional<LineIndex> lines_;  // made when a class without a name needs one
  std::vector<Span> lists_;
  Outline outline_;
};

}  // namespace forkdex
