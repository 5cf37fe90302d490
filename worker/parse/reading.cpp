#include "worker/parse/reading.h"

#include <tree_sitter/api.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "worker/parse/older_words.h"

namespace forkdex {
namespace {

/// Larger texts are read once: a second tree beside the first would take too much memory.
constexpr std::size_t kMaxReadAgain = std::size_t{1} << 20;

/// A text whose first reading took more than a quarter of its time is read once, too: nothing that
/// is tried may cost the file its deadline.
constexpr double kLeftForMore = 0.75;

/// Broken code of more sections, each of which takes a parse and a search for matches, is rare.
constexpr std::size_t kMostSections = 10'000;

/// Calls `visit` for the outermost error nodes of `tree`, in order. Without recursion: a hostile
/// file nests a million deep.
template <class Visit>
void for_each_error(const Tree& tree, Visit visit) {
  TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(tree.get()));
  for (std::size_t depth = 0;;) {
    const TSNode node = ts_tree_cursor_current_node(&cursor);
    if (ts_node_is_error(node)) visit(Span{ts_node_start_byte(node), ts_node_end_byte(node)});
    const bool look_into = ts_node_has_error(node) && !ts_node_is_error(node);
    if (look_into && ts_tree_cursor_goto_first_child(&cursor)) {
      ++depth;
      continue;
    }
    for (; depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor); --depth)
      ts_tree_cursor_goto_parent(&cursor);
    if (depth == 0) break;
  }
  ts_tree_cursor_delete(&cursor);
}

std::vector<Span> errors_of(const Tree& tree) {
  std::vector<Span> errors;
  for_each_error(tree, [&](Span error) { errors.push_back(error); });
  return errors;
}

std::size_t error_bytes(const Tree& tree) {
  std::size_t bytes = 0;
  for_each_error(tree, [&](Span span) { bytes += span.size(); });
  return bytes;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

/// Whether a statement, or a comment above one, can begin with the line at `begin`: it is not
/// indented, and begins with a word or a mark that does not go on with the statement before.
bool begins_statement(std::string_view text, std::size_t begin) {
  if (begin >= text.size()) return false;
  const std::string_view line = text.substr(begin, 2);
  if (line == "//" || line == "/*" || line[0] == '#') return true;
  if (!is_word(line[0]) && line[0] != '@' && line[0] != '{') return false;
  std::size_t end = begin;
  while (end < text.size() && is_word(text[end])) ++end;
  static constexpr std::array<std::string_view, 6> kGoOn = {"else",  "elif",    "except",
                                                            "catch", "finally", "while"};
  return std::ranges::find(kGoOn, text.substr(begin, end - begin)) == kGoOn.end();
}

/// Where the lines begin at which statements can.
std::vector<std::size_t> statement_lines(std::string_view text) {
  std::vector<std::size_t> lines{0};
  for (std::size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1))
    if (begins_statement(text, i + 1)) lines.push_back(i + 1);
  return lines;
}

/// A part of the text that holds error nodes, and how many bytes lie in them.
struct Region {
  Span span;
  std::size_t error_bytes;
};

/// What holds `errors`, each from the line in `lines` at or before it to the next one after it,
/// joined where they touch.
std::vector<Region> broken_regions(const std::vector<Span>& errors,
                                   const std::vector<std::size_t>& lines, std::size_t text_size) {
  std::vector<Region> regions;
  for (const Span error : errors) {
    const auto after = std::ranges::upper_bound(lines, error.begin);
    const auto next = std::ranges::lower_bound(lines, std::max(error.end, error.begin + 1));
    const Span span{*(after - 1), next == lines.end() ? text_size : *next};
    if (regions.empty() || span.begin > regions.back().span.end) {
      regions.push_back({span, error.size()});
      continue;
    }
    regions.back().span.end = std::max(regions.back().span.end, span.end);
    regions.back().error_bytes += error.size();
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
      : parser_(parser), text_(text), countdown_(countdown) {}

  Reading run(const Language& language, Tree first) && {
    best_.language_ = &language;
    best_.whole_ = std::move(first);
    error_bytes_ = forkdex::error_bytes(best_.whole_);
    if (const Language* relative = relative_of(language); relative && error_bytes_ > 0)
      try_whole(*relative, text_);
    if (error_bytes_ > 0) {
      if (auto older = in_older_words(best_.language_->id, text_)) {
        older_ = *std::move(older);
        if (!try_whole(*best_.language_, older_)) older_.clear();
      }
    }
    if (error_bytes_ > 0) try_sections();
    return std::move(best_);
  }

 private:
  /// Keeps the reading of `text` as `language` if it has fewer bytes in error nodes. Whether it
  /// did.
  bool try_whole(const Language& language, std::string_view text) {
    auto tree = parser_.parse(language, text, countdown_);
    if (!tree) return false;  // it took too long
    const std::size_t bytes = forkdex::error_bytes(*tree);
    if (bytes >= error_bytes_) return false;
    best_.language_ = &language;
    best_.whole_ = *std::move(tree);
    error_bytes_ = bytes;
    return true;
  }

  void try_sections() {
    const std::string_view text = older_.empty() ? text_ : older_;
    const std::vector<std::size_t> lines = statement_lines(text);
    if (lines.size() > kMostSections) return;
    const std::vector<Span> errors = errors_of(best_.whole_);
    for (const Region& region : broken_regions(errors, lines, text.size()))
      try_sections_of(region, text, lines);
  }

  void try_sections_of(const Region& region, std::string_view text,
                       const std::vector<std::size_t>& lines) {
    std::vector<Section> sections;
    std::size_t bytes = 0;
    for (std::size_t begin = region.span.begin; begin < region.span.end;) {
      const auto next = std::ranges::upper_bound(lines, begin);
      const std::size_t end = next == lines.end() ? text.size() : *next;
      const Span span{begin, std::min(end, region.span.end)};
      auto tree = parser_.parse(*best_.language_, text, span, countdown_);
      if (!tree) return;  // it took too long
      bytes += std::min(forkdex::error_bytes(*tree), span.size());
      sections.push_back({span, *std::move(tree)});
      begin = span.end;
    }
    if (bytes < region.error_bytes)
      std::ranges::move(sections, std::back_inserter(best_.sections_));
  }

  SyntaxParser& parser_;
  std::string_view text_;
  const Countdown& countdown_;
  std::string older_;  // the text in older words, if that is what is read
  Reading best_;
  std::size_t error_bytes_ = 0;
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
  std::vector<Span> spans = errors_of(whole_);
  std::erase_if(spans, [&](Span span) {
    // Sections are cut around whole error nodes.
    return section_at(span.begin) != nullptr;
  });
  for (const Section& section : sections_)
    for_each_error(section.tree, [&](Span span) { spans.push_back(span); });
  std::ranges::sort(spans, {}, &Span::begin);
  return spans;
}

}  // namespace forkdex
