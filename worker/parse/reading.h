#pragma once

// A text's syntax, read as well as the grammars at hand can. Where one leaves error nodes or takes
// something for missing, another grammar of the same family is tried, then the text with newer
// syntax written in older words, then its sections one by one; what is broken least is kept. Pure.

#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "worker/parse/borders.h"
#include "worker/parse/deadline.h"
#include "worker/parse/language.h"
#include "worker/parse/span.h"
#include "worker/parse/syntax.h"

namespace forkdex {

class Reading {
 public:
  /// Reads `text` as `language`. Takes a few times what one parse does where the grammar does not
  /// fit, and never longer than half of what `countdown` has for it. ERRORS as SyntaxParser::parse.
  static Result<Reading> read(SyntaxParser& parser, const Language& language, std::string_view text,
                              const Countdown& countdown);

  /// Shows `visit` every match, as SyntaxParser::match does. ERRORS as there.
  Result<void> match(SyntaxParser& parser, const Countdown& countdown,
                     const SyntaxParser::MatchVisitor& visit) const;

  /// Where the text may be cut; `types` are those of the matches.
  std::vector<Border> borders(const NodeTypes& types, std::string_view text) const;

  /// Whether is_shapeless holds for all of it.
  bool is_shapeless() const;

  /// What lies in error nodes: ascending, disjoint.
  std::vector<Span> unparsed() const;

 private:
  /// A section of the text that was read by itself.
  struct Section {
    Span span;
    Tree tree;
  };
  class Attempt;

  const Section* section_at(std::size_t offset) const;

  const Language* language_ = nullptr;  // whose grammar was taken
  Tree whole_;
  std::vector<Section> sections_;  // ascending, disjoint; each goes before the whole in its span
};

}  // namespace forkdex
