#include "worker/parse/outline.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/base/utf8.h"
#include "worker/parse/decode.h"
#include "worker/parse/written_name.h"

namespace forkdex {
namespace {

constexpr std::size_t kMaxNesting = 32;
constexpr std::size_t kMaxQualifiedNameBytes = 1000;

std::string joined(std::string_view scope, std::string_view name) {
  std::string result(scope);
  if (!result.empty()) result += '.';
  result += name;
  return std::string(capped(result, kMaxQualifiedNameBytes));
}

void mark(std::vector<bool>& types, std::uint16_t symbol) {
  if (types.size() <= symbol) types.resize(symbol + std::size_t{1});
  types[symbol] = true;
}

bool by_begin(const Span& a, const Span& b) { return a.begin < b.begin; }

/// Of two captures for one name the wider says what it is, and a definition goes before a scope.
bool replaces(const Capture& candidate, const Capture& current) {
  const bool candidate_is_scope = candidate.role == Role::kScope;
  const bool current_is_scope = current.role == Role::kScope;
  if (candidate_is_scope != current_is_scope) return current_is_scope;
  return candidate.span.size() > current.span.size();
}

/// Where the first two lines end.
std::size_t end_of_head(std::string_view text) {
  const std::size_t first = text.find('\n');
  if (first == std::string_view::npos) return text.size();
  return std::min(text.find('\n', first + 1), text.size());
}

/// Whether `comment` is for the interpreter or an editor: a shebang, or Python's coding cookie,
/// which counts in the first two lines alone, before `head_end`.
bool speaks_of_file(std::string_view text, Span comment, std::size_t head_end) {
  if (comment.begin > head_end || text[comment.begin] != '#') return false;
  const std::string_view line = slice(text, comment);
  if (line.starts_with("#!")) return comment.begin == 0;
  for (const std::string_view cookie : {"coding:", "coding="}) {
    if (line.find(cookie) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

OutlineBuilder::OutlineBuilder(std::string_view text) : text_(text), head_end_(end_of_head(text)) {}

void OutlineBuilder::add(std::span<const Capture> match) {
  const auto name = std::ranges::find(match, Role::kName, &Capture::role);
  if (name == match.end()) {
    for (const Capture& capture : match) add_unnamed(capture);
    return;
  }
  if (is_known_at_run_time(slice(text_, name->span))) return;
  Draft draft;
  draft.name_begin = name->span.begin;
  draft.name_end = name->span.end;
  draft.name_is_token = name->is_token;
  for (const Capture& capture : match) add_to(draft, capture);
  drafts_.push_back(draft);
}

void OutlineBuilder::add_unnamed(const Capture& capture) {
  switch (capture.role) {
    case Role::kComment:
      outline_.comments.push_back(capture.span);
      mark(outline_.types.comments, capture.symbol);
      break;
    case Role::kDecorator:
      outline_.decorators.push_back(capture.span);
      break;
    case Role::kElements:
      lists_.push_back(capture.span);
      break;
    case Role::kBlock:
      mark(outline_.types.blocks, capture.symbol);
      break;
    case Role::kDocstring:
      if (!outline_.docstring) outline_.docstring = capture.span;
      break;
    default:
      break;  // says something of a name that error recovery left out
  }
}

void OutlineBuilder::add_to(Draft& draft, const Capture& capture) {
  switch (capture.role) {
    case Role::kDefinition:
    case Role::kProperty:
    case Role::kScope:
      draft.definition = capture;
      break;
    case Role::kOuter:
      draft.start = capture.span.begin;
      draft.end = capture.span.end;
      break;
    case Role::kStart:
      draft.start = capture.span.begin;
      break;
    case Role::kEnd:
      draft.end = capture.span.end;
      break;
    case Role::kBody:
      draft.body = capture.span.begin;
      break;
    case Role::kDocstring:
      draft.docstring = capture.span;
      break;
    case Role::kStatement:
      draft.statement = capture.span;
      break;
    case Role::kBound:
      draft.value = capture.span;
      break;
    case Role::kOwnName:
      draft.own_name = capture.span;
      break;
    default:
      break;
  }
}

void OutlineBuilder::merge_into(Draft& into, const Draft& draft) {
  if (draft.definition && (!into.definition || replaces(*draft.definition, *into.definition))) {
    into.definition = draft.definition;
    into.name_end = draft.name_end;
    into.value = draft.value;
    into.own_name = draft.own_name;
  }
  if (draft.start) into.start = std::min(into.start.value_or(*draft.start), *draft.start);
  if (draft.end) into.end = std::max(into.end.value_or(*draft.end), *draft.end);
  const bool wider =
      draft.statement && (!into.statement || into.statement->size() < draft.statement->size());
  if (wider) into.statement = draft.statement;
  if (draft.body) into.body = into.body ? into.body : draft.body;
  if (draft.docstring) into.docstring = into.docstring ? into.docstring : draft.docstring;
}

/// What the matches say, a draft a name that has a definition. Of the names that are bound to one
/// value, as in `a = b = function c() {}`, the one with the widest definition is kept.
std::vector<OutlineBuilder::Draft> OutlineBuilder::merged_drafts() {
  std::ranges::stable_sort(drafts_, {}, &Draft::name_begin);
  std::vector<Draft> merged;
  for (const Draft& draft : drafts_) {
    if (merged.empty() || merged.back().name_begin != draft.name_begin) {
      merged.push_back(draft);
    } else {
      merge_into(merged.back(), draft);
    }
  }
  std::erase_if(merged, [](const Draft& draft) { return !draft.definition; });
  std::map<std::size_t, std::size_t> widest;  // by where a value begins
  for (const Draft& draft : merged) {
    if (!draft.value) continue;
    std::size_t& size = widest[draft.value->begin];
    size = std::max(size, draft.definition->span.size());
  }
  std::erase_if(merged, [&](const Draft& draft) {
    return draft.value && draft.definition->span.size() < widest[draft.value->begin];
  });
  return merged;
}

/// The name as the source writes it. The value's own goes before names that say nothing of it.
std::string OutlineBuilder::name_of(const Draft& draft) {
  const std::string_view written = slice(text_, {draft.name_begin, draft.name_end});
  const std::string_view own = draft.own_name ? slice(text_, *draft.own_name) : "";
  if (draft.name_is_token && !own.empty()) return std::string(own);
  if (draft.name_is_token && (written == "(" || written == "class")) {
    if (!lines_) lines_.emplace(text_);
    return fmt::format("class@{}", lines_->line_of(draft.value->begin));
  }
  if (draft.name_is_token && written == "=") return "export=";
  const bool is_target =
      draft.definition->role == Role::kDefinition && draft.definition->kind != ChunkKind::kMethod;
  const bool says_nothing = is_target && (written == "exports" || written == "module.exports");
  return std::string(says_nothing && !own.empty() ? own : written);
}

Definition OutlineBuilder::definition_of(const Draft& draft) {
  using Form = Definition::Form;
  Definition result;
  const Capture& capture = *draft.definition;
  result.form = capture.role == Role::kScope      ? Form::kScope
                : capture.role == Role::kProperty ? Form::kProperty
                                                  : Form::kDefinition;
  result.kind = capture.kind;
  // Error recovery, and carriage returns in Python, leave white space at a node's ends.
  result.span =
      trimmed(text_, {std::min(draft.start.value_or(capture.span.begin), capture.span.begin),
                      std::max(draft.end.value_or(0), capture.span.end)});
  result.span.begin = begin_with_decorators(result.span.begin);
  result.code_begin = result.span.begin;
  result.statement = draft.statement.value_or(result.span);
  const bool is_scope = result.form == Form::kScope;
  result.value = draft.value && !is_scope ? *draft.value : result.span;
  result.names_itself = draft.value && draft.value->begin <= draft.name_begin;
  result.name_begin = draft.name_begin;
  result.signature_end = std::min(draft.body.value_or(result.span.end), result.span.end);
  result.name = name_of(draft);
  result.docstring = draft.docstring;
  return result;
}

Outline OutlineBuilder::build() && {
  std::ranges::sort(outline_.comments, by_begin);
  std::ranges::sort(outline_.decorators, by_begin);
  for (const Draft& draft : merged_drafts()) {
    outline_.definitions.push_back(definition_of(draft));
  }
  nest();
  find_lists();
  attach_comments(outline_.top, 0);
  std::vector<const Definition*> around;
  for (const std::uint32_t index : outline_.top) name_within(index, around);
  return std::move(outline_);
}

/// Turns the list of definitions into a tree by containment.
void OutlineBuilder::nest() {
  std::vector<Definition> sorted = std::exchange(outline_.definitions, {});
  std::ranges::stable_sort(sorted, [](const Definition& a, const Definition& b) {
    return a.code_begin != b.code_begin ? a.code_begin < b.code_begin : a.span.end > b.span.end;
  });
  std::vector<std::uint32_t> open;  // from the outermost in
  auto& kept = outline_.definitions;
  for (Definition& definition : sorted) {
    while (!open.empty() && kept[open.back()].span.end <= definition.code_begin) open.pop_back();
    const bool crosses = !open.empty() && kept[open.back()].span.end < definition.span.end;
    if (crosses || open.size() >= kMaxNesting || definition.span.size() == 0) continue;
    const auto index = static_cast<std::uint32_t>(kept.size());
    (open.empty() ? outline_.top : kept[open.back()].children).push_back(index);
    kept.push_back(std::move(definition));
    open.push_back(index);
  }
}

/// Finds for each definition the list that it stands in.
void OutlineBuilder::find_lists() {
  std::ranges::stable_sort(lists_, by_begin);
  std::vector<Span> open;  // from the outermost in
  auto next = lists_.begin();
  for (Definition& definition : outline_.definitions) {
    for (; next != lists_.end() && next->begin <= definition.code_begin; ++next) {
      while (!open.empty() && open.back().end <= next->begin) open.pop_back();
      open.push_back(*next);
    }
    while (!open.empty() && open.back().end <= definition.code_begin) open.pop_back();
    if (!open.empty()) definition.list_begin = open.back().begin;
  }
}

void OutlineBuilder::attach_comments(std::vector<std::uint32_t>& siblings, std::size_t floor) {
  for (std::size_t i = 0; i < siblings.size(); ++i) {
    Definition& definition = outline_.definitions[siblings[i]];
    const bool is_last =
        i + 1 == siblings.size() ||
        outline_.definitions[siblings[i + 1]].code_begin >= definition.statement.end;
    if (is_last) definition.span.end = std::max(definition.span.end, definition.statement.end);
    definition.comments_begin = begin_with_comments(definition.code_begin, floor);
    definition.span.begin = begin_of(definition, floor);
    attach_comments(definition.children, definition.code_begin);
    floor = definition.span.end;
  }
}

/// Where the span of `definition` begins, not before `floor`: what stands before the first
/// definition of a statement, such as `let a,`, says nothing alone.
std::size_t OutlineBuilder::begin_of(const Definition& definition, std::size_t floor) const {
  std::size_t begin = std::max(definition.statement.begin, floor);
  while (begin < definition.comments_begin && (is_space(text_[begin]) || text_[begin] == ','))
    ++begin;
  if (begin >= definition.comments_begin) return definition.comments_begin;
  return begin_with_comments(begin, floor);
}

/// The start of the decorators that stand before `code_begin`, such as those of TypeScript's
/// methods, which are no part of the method's node.
std::size_t OutlineBuilder::begin_with_decorators(std::size_t code_begin) const {
  auto after = std::ranges::lower_bound(outline_.decorators, code_begin, {}, &Span::begin);
  while (after != outline_.decorators.begin()) {
    const Span decorator = *--after;
    if (decorator.end > code_begin || !only_comments({decorator.end, code_begin})) break;
    code_begin = decorator.begin;
  }
  return code_begin;
}

/// Whether nothing but comments and white space stands in `gap`.
bool OutlineBuilder::only_comments(Span gap) const {
  auto after = std::ranges::lower_bound(outline_.comments, gap.end, {}, &Span::begin);
  while (after != outline_.comments.begin() && (after - 1)->begin >= gap.begin) {
    const Span comment = *--after;
    if (comment.end > gap.end || !is_blank(text_, {comment.end, gap.end})) return false;
    gap.end = comment.begin;
  }
  return is_blank(text_, gap);
}

/// The start of the comments that stand directly above `code_begin`, none before `floor`.
std::size_t OutlineBuilder::begin_with_comments(std::size_t code_begin, std::size_t floor) const {
  std::size_t begin = code_begin;
  auto after = std::ranges::lower_bound(outline_.comments, begin, {}, &Span::begin);
  while (after != outline_.comments.begin()) {
    const Span comment = *--after;
    const Span gap{comment.end, begin};
    if (comment.begin < floor || comment.end > begin) break;
    if (!is_blank(text_, gap) || has_empty_line(text_, gap)) break;
    if (!first_on_line(text_, comment.begin)) break;  // it ends the line of something else
    if (speaks_of_file(text_, comment, head_end_)) break;
    begin = comment.begin;
  }
  return begin;
}

void OutlineBuilder::name_within(std::uint32_t index, std::vector<const Definition*>& around) {
  Definition& definition = outline_.definitions[index];
  const auto holds = [&](const Definition* outer) { return is_member(definition, *outer); };
  const auto found = std::find_if(around.rbegin(), around.rend(), holds);
  const Definition* parent = found == around.rend() ? nullptr : *found;
  const std::string written = std::exchange(definition.name, {});
  WrittenName name = read_name(written);
  const bool in_class = parent && parent->kind == ChunkKind::kClass;
  // In a static block `this` is the class.
  constexpr std::string_view kThis = "this.";
  if (in_class && name.full.starts_with(kThis)) name.full.erase(0, kThis.size());
  definition.name = name.last;
  definition.parent = parent ? parent->qualified_name : std::string();
  definition.qualified_name = joined(definition.parent, name.full);
  if (in_class && definition.kind == ChunkKind::kFunction) definition.kind = ChunkKind::kMethod;
  around.push_back(&definition);
  for (const std::uint32_t child : definition.children) name_within(child, around);
  around.pop_back();
}

/// Whether `inner`, which stands in `outer`, is named by it. What has its name of itself stands
/// beside the value of `outer` if it does not stand in that: `outer = c ? class {} : class inner
/// {}`. Neither are the elements of a list members of the object or class around it.
bool OutlineBuilder::is_member(const Definition& inner, const Definition& outer) {
  const bool has_members =
      outer.form == Definition::Form::kScope || outer.kind == ChunkKind::kClass;
  if (has_members && inner.list_begin && *inner.list_begin > outer.code_begin) return false;
  return !inner.names_itself ||
         (outer.value.begin <= inner.code_begin && inner.code_begin < outer.value.end);
}

}  // namespace forkdex
