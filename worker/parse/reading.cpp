#include "worker/parse/reading.h"

#include <tree_sitter/api.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "worker/parse/flow_words.h"
#include "worker/parse/node_span.h"
#include "worker/parse/older_text.h"
#include "worker/parse/older_words.h"
#include "worker/parse/statement_lines.h"

namespace forkdex {
namespace {

/// Larger texts are read once: a second tree beside the first would take too much memory.
constexpr std::size_t kMaxReadAgain = std::size_t{1} << 20;

/// A text whose first reading took more than a quarter of its time is read once, too: nothing that
/// is tried may cost the file its deadline.
constexpr double kLeftForMore = 0.75;

/// Broken code of more sections, each of which takes a parse and a search for matches, is rare.
constexpr std::size_t kMostSections = 10'000;

/// What it counts if a statement's line lies within another statement, in bytes of error nodes:
/// about what stands on a line.
constexpr std::size_t kSwallowedLine = 40;

/// Calls `visit` for the outermost error nodes below `root`, and for the nodes that are missing, in
/// order. Without recursion: a hostile file nests a million deep.
template <class Visit>
void for_each_error(TSNode root, Visit visit) {
  TSTreeCursor cursor = ts_tree_cursor_new(root);
  for (std::size_t depth = 0;;) {
    const TSNode node = ts_tree_cursor_current_node(&cursor);
    const bool is_error = ts_node_is_error(node) || ts_node_is_missing(node);
    if (is_error) visit(span_of(node));
    if (ts_node_has_error(node) && !is_error && ts_tree_cursor_goto_first_child(&cursor)) {
      ++depth;
      continue;
    }
    for (; depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor); --depth)
      ts_tree_cursor_goto_parent(&cursor);
    if (depth == 0) break;
  }
  ts_tree_cursor_delete(&cursor);
}

TSNode root_of(const Tree& tree) { return ts_tree_root_node(tree.get()); }

/// What a tree lacks below `root`: the bytes in error nodes, and one for each missing node.
std::size_t damage_of(TSNode root) {
  std::size_t damage = 0;
  for_each_error(root, [&](Span error) { damage += std::max<std::size_t>(error.size(), 1); });
  return damage;
}

/// The children of a root.
struct Children {
  std::vector<std::size_t> begins;
  std::vector<TSNode> broken;  ///< those in which something is; the root where that is an error
};

Children children_of(TSNode root) {
  Children children;
  TSTreeCursor cursor = ts_tree_cursor_new(root);
  for (bool at = ts_tree_cursor_goto_first_child(&cursor); at;
       at = ts_tree_cursor_goto_next_sibling(&cursor)) {
    const TSNode child = ts_tree_cursor_current_node(&cursor);
    children.begins.push_back(ts_node_start_byte(child));
    const bool is_broken = ts_node_has_error(child) || ts_node_is_missing(child);
    if (is_broken && !ts_node_is_error(root)) children.broken.push_back(child);
  }
  ts_tree_cursor_delete(&cursor);
  if (ts_node_is_error(root)) children.broken.push_back(root);
  return children;
}

/// Whether `node` is a string that has code in it, from its quote to its quote: what lies between
/// is its text, whatever is wrong with the code.
bool is_whole_string(TSNode node) {
  const std::string_view type = ts_node_type(node);
  if (type != "template_string" && type != "string") return false;
  const std::uint32_t children = ts_node_child_count(node);
  return children > 0 && !ts_node_is_missing(ts_node_child(node, children - 1)) &&
         !ts_node_is_missing(ts_node_child(node, 0));
}

/// The tokens below `root` that go over a line's end, such as comments and strings, in order.
std::vector<Span> long_tokens(TSNode root, std::string_view text) {
  std::vector<Span> tokens;
  TSTreeCursor cursor = ts_tree_cursor_new(root);
  for (std::size_t depth = 0;;) {
    const Span span = span_of(ts_tree_cursor_current_node(&cursor));
    if (slice(text, span).find('\n') != std::string_view::npos) {
      if (!is_whole_string(ts_tree_cursor_current_node(&cursor)) &&
          ts_tree_cursor_goto_first_child(&cursor)) {
        ++depth;
        continue;
      }
      tokens.push_back(span);
    }
    for (; depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor); --depth)
      ts_tree_cursor_goto_parent(&cursor);
    if (depth == 0) break;
  }
  ts_tree_cursor_delete(&cursor);
  return tokens;
}

/// A part of the text that is broken.
struct Region {
  Span span;
  std::size_t damage = 0;             ///< of what was read, swallowed lines included
  std::vector<std::size_t> sections;  ///< where its sections begin, the first with the region
};

/// The broken children of the root, each from the line in `lines` at or before it to the next one
/// after it, joined where they touch. No section begins within a token.
std::vector<Region> broken_regions(TSNode root, std::string_view text,
                                   const std::vector<std::size_t>& lines) {
  std::vector<Region> regions;
  const Children children = children_of(root);
  for (const TSNode child : children.broken) {
    const Span broken = span_of(child);
    const auto first = std::ranges::upper_bound(lines, broken.begin) - 1;
    const auto end = std::ranges::lower_bound(lines, std::max(broken.end, broken.begin + 1));
    if (regions.empty() || *first >= regions.back().span.end) {
      regions.push_back({{*first, 0}, 0, {*first}});
    }
    Region& region = regions.back();
    region.span.end = std::max(region.span.end, end == lines.end() ? text.size() : *end);
    region.damage += damage_of(child);
    // Where the root is an error, a quote may have been taken for the other end of a string.
    std::vector<Span> tokens;
    if (!ts_node_is_error(root)) tokens = long_tokens(child, text);
    for (auto line = first; line != end; ++line) {
      const auto after = std::ranges::lower_bound(tokens, *line, {}, &Span::begin);
      const bool in_token = after != tokens.begin() && *line < (after - 1)->end;
      if (in_token || *line <= region.sections.back()) continue;
      region.sections.push_back(*line);
      if (!std::ranges::binary_search(children.begins, *line)) region.damage += kSwallowedLine;
    }
  }
  return regions;
}

/// The grammar that may fit where `language`'s does not, or nullptr: types in JavaScript, Flow's
/// among them, are much like TypeScript's.
const Language* relative_of(const Language& language) {
  if (language.id == "javascript" || language.id == "jsx") return find_language("tsx");
  return nullptr;
}

}  // namespace

/// What was tried so far on one text.
class Reading::Attempt {
 public:
  Attempt(SyntaxParser& parser, std::string_view text, const Countdown& countdown)
      : parser_(parser), text_(text), countdown_(countdown), older_(std::string(text)) {}

  Reading run(const Language& language, Tree first) && {
    best_.language_ = &language;
    best_.whole_ = std::move(first);
    damage_ = damage_of(root_of(best_.whole_));
    if (const Language* relative = relative_of(language); relative && damage_ > 0) {
      try_whole(*relative, OlderText(std::string(text_)));
      if (const auto flow = damage_ > 0 ? flow_in_older_words(text_) : std::nullopt)
        try_whole(*relative, *flow);
    }
    if (auto older =
            damage_ > 0 ? in_older_words(best_.language_->id, older_.text()) : std::nullopt;
        older && !older_.has_longer())
      try_whole(*best_.language_, OlderText(*std::move(older)));
    if (damage_ > 0) try_sections();
    return std::move(best_);
  }

 private:
  /// Keeps the reading of `text` as `language` if less of it is broken.
  void try_whole(const Language& language, const OlderText& text) {
    auto tree = parse(language, text, {0, text_.size()});
    if (!tree) return;  // it took too long
    const std::size_t damage = damage_of(root_of(*tree));
    if (damage >= damage_) return;
    best_.language_ = &language;
    best_.whole_ = *std::move(tree);
    damage_ = damage;
    older_ = text;
  }

  /// Parses `span` of the text in the words of `older`.
  Result<Tree> parse(const Language& language, const OlderText& older, Span span) {
    const Span place{older.place_of(span.begin), older.place_of(span.end)};
    auto tree = parser_.parse(language, older.text(), place, countdown_);
    if (tree) older.move_back(*tree, place);
    return tree;
  }

  void try_sections() {
    const std::vector<std::size_t> lines = statement_lines(text_);
    if (lines.size() > kMostSections) return;
    for (const Region& region : broken_regions(root_of(best_.whole_), text_, lines))
      if (region.sections.size() > 1) try_sections_of(region);
  }

  /// Keeps the sections of `region` if they are broken less.
  void try_sections_of(const Region& region) {
    std::vector<Section> sections;
    std::size_t damage = 0;
    for (std::size_t i = 0; i < region.sections.size(); ++i) {
      const bool is_last = i + 1 == region.sections.size();
      const Span span{region.sections[i], is_last ? region.span.end : region.sections[i + 1]};
      auto tree = parse(*best_.language_, older_, span);
      if (!tree) return;  // it took too long
      damage += damage_of(root_of(*tree));
      if (damage >= region.damage) return;
      sections.push_back({span, *std::move(tree)});
    }
    std::ranges::move(sections, std::back_inserter(best_.sections_));
  }

  SyntaxParser& parser_;
  std::string_view text_;
  const Countdown& countdown_;
  OlderText older_;  // what is read
  Reading best_;
  std::size_t damage_ = 0;
};

Result<Reading> Reading::read(SyntaxParser& parser, const Language& language, std::string_view text,
                              const Countdown& countdown) {
  auto tree = parser.parse(language, text, countdown);
  if (!tree) return tree.error();
  const Countdown for_more = countdown.half();
  if (text.size() <= kMaxReadAgain && countdown.left() > kLeftForMore)
    return Attempt(parser, text, for_more).run(language, *std::move(tree));
  Reading reading;
  reading.language_ = &language;
  reading.whole_ = *std::move(tree);
  return reading;
}

const Reading::Section* Reading::section_at(std::size_t offset) const {
  const auto begin = [](const Section& section) { return section.span.begin; };
  const auto after = std::ranges::upper_bound(sections_, offset, {}, begin);
  if (after == sections_.begin() || (after - 1)->span.end <= offset) return nullptr;
  return &*(after - 1);
}

Result<void> Reading::match(SyntaxParser& parser, const Countdown& countdown,
                            const SyntaxParser::MatchVisitor& visit) const {
  const auto visit_outside = [&](std::span<const Capture> match) {
    const auto name = std::ranges::find(match, Role::kName, &Capture::role);
    const Capture& place = name == match.end() ? match.front() : *name;
    if (!section_at(place.span.begin)) visit(match);
  };
  if (auto matched = parser.match(*language_, whole_, countdown, visit_outside); !matched)
    return matched.error();
  for (const Section& section : sections_) {
    auto matched = parser.match(*language_, section.tree, countdown, visit);
    if (!matched) return matched.error();
  }
  return {};
}

std::vector<Border> Reading::borders(const NodeTypes& types, std::string_view text) const {
  std::vector<Border> result = syntax_borders(whole_, types, text);
  if (sections_.empty()) return result;
  std::erase_if(result, [&](const Border& border) { return section_at(border.offset) != nullptr; });
  for (const Section& section : sections_)
    std::ranges::move(syntax_borders(section.tree, types, text), std::back_inserter(result));
  std::ranges::sort(result, {}, &Border::offset);
  return result;
}

bool Reading::is_shapeless() const { return sections_.empty() && forkdex::is_shapeless(whole_); }

std::vector<Span> Reading::unparsed() const {
  std::vector<Span> spans;
  for_each_error(root_of(whole_), [&](Span span) {
    // Sections are cut around whole error nodes.
    if (span.size() > 0 && !section_at(span.begin)) spans.push_back(span);
  });
  for (const Section& section : sections_) {
    for_each_error(root_of(section.tree), [&](Span span) {
      if (span.size() > 0) spans.push_back(span);
    });
  }
  std::ranges::sort(spans, {}, &Span::begin);
  return spans;
}

}  // namespace forkdex
