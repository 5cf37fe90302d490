#include "worker/parse/syntax.h"

#include <tree_sitter/api.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "worker/parse/node_span.h"

namespace forkdex {
namespace {

/// Nodes deeper than this start no match. tree-sitter counts a match's depth in 16 bits; past
/// them matches that can't end pile up, and a file of nested brackets takes quadratic time.
constexpr std::uint32_t kMaxMatchDepth = 10'000;

constexpr std::uint32_t kMaxErrorChildren = 10'000;

struct CaptureMeaning {
  Role role;
  ChunkKind kind;
};

struct Input {
  std::string_view text;
};

/// The source is one piece of memory: everything from `byte` on is at hand.
const char* read_input(void* payload, std::uint32_t byte, TSPoint, std::uint32_t* bytes_read) {
  const std::string_view text = static_cast<Input*>(payload)->text;
  *bytes_read = byte < text.size() ? static_cast<std::uint32_t>(text.size() - byte) : 0;
  return *bytes_read ? text.data() + byte : "";
}

Error too_late(const Countdown& countdown, std::string_view stage) {
  return Error{ErrorCode::kParseFailed,
               "the file did not parse within its deadline of " + countdown.text(),
               std::string(stage)};
}

std::optional<ChunkKind> kind_named(std::string_view text) {
  using enum ChunkKind;
  for (const ChunkKind kind : {kFunction, kMethod, kClass, kInterface, kType, kEnum}) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

std::optional<CaptureMeaning> meaning_of(std::string_view capture) {
  for (const auto& [prefix, role] : {std::pair{std::string_view("definition."), Role::kDefinition},
                                     {"property.", Role::kProperty},
                                     {"binding.", Role::kBinding},
                                     {"member.", Role::kMember},
                                     {"call.", Role::kCall}}) {
    if (!capture.starts_with(prefix)) continue;
    const auto kind = kind_named(capture.substr(prefix.size()));
    if (!kind) return std::nullopt;
    return CaptureMeaning{role, *kind};
  }
  static constexpr std::array kPlain = {
      std::pair{std::string_view("scope"), Role::kScope},
      std::pair{std::string_view("name"), Role::kName},
      std::pair{std::string_view("bound"), Role::kBound},
      std::pair{std::string_view("statement"), Role::kStatement},
      std::pair{std::string_view("body"), Role::kBody},
      std::pair{std::string_view("docstring"), Role::kDocstring},
      std::pair{std::string_view("start"), Role::kStart},
      std::pair{std::string_view("end"), Role::kEnd},
      std::pair{std::string_view("outer"), Role::kOuter},
      std::pair{std::string_view("comment"), Role::kComment},
      std::pair{std::string_view("decorator"), Role::kDecorator},
      std::pair{std::string_view("elements"), Role::kElements},
      std::pair{std::string_view("block"), Role::kBlock},
  };
  for (const auto& [word, role] : kPlain) {
    if (capture == word) return CaptureMeaning{role, ChunkKind::kModule};
  }
  return std::nullopt;
}

std::optional<NodeUse> use_named(std::string_view capture) {
  static constexpr std::array kUses = {
      std::pair{std::string_view("through"), NodeUse::kThrough},
      std::pair{std::string_view("value.function"), NodeUse::kFunction},
      std::pair{std::string_view("value.class"), NodeUse::kClass},
      std::pair{std::string_view("value.object"), NodeUse::kObject},
  };
  for (const auto& [word, use] : kUses)
    if (capture == word) return use;
  return std::nullopt;
}

/// A pattern that says what is done with nodes of a type: "(node_type) @value.function".
struct UsePattern {
  std::string_view node_type;
  NodeUse use;
};

std::optional<UsePattern> read_use(std::string_view pattern) {
  const std::size_t close = pattern.find(')');
  const std::size_t at = pattern.find('@');
  if (!pattern.starts_with('(') || close == std::string_view::npos || at < close ||
      at == std::string_view::npos)
    return std::nullopt;
  const std::string_view capture = pattern.substr(at + 1);
  const auto use = use_named(capture.substr(0, capture.find_first_of(" \t\r\n;")));
  if (!use) return std::nullopt;
  return UsePattern{pattern.substr(1, close - 1), *use};
}

Error bad_query(const Language& language, std::string what) {
  return Error{ErrorCode::kBug, "the query of a language does not fit its grammar",
               std::string(language.id) + ": " + std::move(what)};
}

}  // namespace

namespace {

/// Says in the captures of a match that binds a name what `value` makes of it. False if that is
/// nothing: a call's anonymous function, or an object that a call gets.
bool show_value(const BoundValue& value, std::vector<Capture>& captures) {
  const bool is_class = value.use == NodeUse::kClass;
  for (Capture& capture : captures) {
    if (capture.role == Role::kBound) capture.span = value.span;
    const bool is_binding = capture.role == Role::kBinding;
    if (!is_binding && capture.role != Role::kMember && capture.role != Role::kCall) continue;
    if (capture.role == Role::kCall && !is_class && !value.own_name) return false;
    const bool is_scope = value.use == NodeUse::kObject;
    capture.role = is_scope ? Role::kScope : is_binding ? Role::kDefinition : Role::kProperty;
    if (is_class) capture.kind = ChunkKind::kClass;
    if (is_scope) capture.kind = ChunkKind::kModule;
  }
  if (value.own_name) captures.push_back({Role::kOwnName, ChunkKind::kModule, 0, *value.own_name});
  if (value.body) captures.push_back({Role::kBody, ChunkKind::kModule, 0, *value.body});
  return true;
}

}  // namespace

struct SyntaxParser::Query {
  struct Deleter {
    void operator()(TSQuery* query) const { ts_query_delete(query); }
  };
  std::unique_ptr<TSQuery, Deleter> compiled;
  std::vector<CaptureMeaning> meanings;  // by capture id
  std::vector<NodeUse> uses;             // by the grammar's number for a node's type

  /// Reads the patterns that say what is done with nodes of a type, and has none of them match.
  void read_uses(const TSLanguage* grammar, std::string_view source);
};

void SyntaxParser::Query::read_uses(const TSLanguage* grammar, std::string_view source) {
  uses.assign(ts_language_symbol_count(grammar), NodeUse::kNone);
  for (std::uint32_t i = 0; i < ts_query_pattern_count(compiled.get()); ++i) {
    const std::uint32_t begin = ts_query_start_byte_for_pattern(compiled.get(), i);
    const std::uint32_t end = ts_query_end_byte_for_pattern(compiled.get(), i);
    const auto pattern = read_use(source.substr(begin, end - begin));
    if (!pattern) continue;
    const auto& type = pattern->node_type;
    uses[ts_language_symbol_for_name(grammar, type.data(), static_cast<std::uint32_t>(type.size()),
                                     true)] = pattern->use;
    ts_query_disable_pattern(compiled.get(), i);
  }
}

namespace {

void (*out_of_memory_handler)() = nullptr;

void* or_end(void* memory, std::size_t size) {
  if (!memory && size > 0) out_of_memory_handler();
  return memory;
}

}  // namespace

void set_parser_memory_handler(void (*out_of_memory)()) {
  out_of_memory_handler = out_of_memory;
  ts_set_allocator(
      [](std::size_t size) { return or_end(std::malloc(size), size); },
      [](std::size_t count, std::size_t size) {
        return or_end(std::calloc(count, size), count * size);
      },
      [](void* memory, std::size_t size) { return or_end(std::realloc(memory, size), size); },
      std::free);
}

bool is_shapeless(const Tree& tree) {
  const TSNode root = ts_tree_root_node(tree.get());
  return ts_node_is_error(root) && ts_node_child_count(root) > kMaxErrorChildren;
}

void TreeDeleter::operator()(TSTree* tree) const { ts_tree_delete(tree); }
void SyntaxParser::ParserDeleter::operator()(TSParser* parser) const { ts_parser_delete(parser); }
void SyntaxParser::CursorDeleter::operator()(TSQueryCursor* cursor) const {
  ts_query_cursor_delete(cursor);
}

SyntaxParser::SyntaxParser() : parser_(ts_parser_new()), cursor_(ts_query_cursor_new()) {
  ts_query_cursor_set_max_start_depth(cursor_.get(), kMaxMatchDepth);
}

SyntaxParser::~SyntaxParser() = default;

Result<Tree> SyntaxParser::parse(const Language& language, std::string_view text,
                                 const Countdown& countdown) {
  return parse(language, text, {0, text.size()}, countdown);
}

Result<Tree> SyntaxParser::parse(const Language& language, std::string_view text, Span section,
                                 const Countdown& countdown) {
  if (!ts_parser_set_language(parser_.get(), language.grammar())) {
    return Error{ErrorCode::kBug, "a grammar's version does not fit tree-sitter's core",
                 std::string(language.id)};
  }
  ts_parser_reset(parser_.get());  // what a parse that ended early had left
  // No part asks for a row, and a section begins in column 0.
  const TSRange range{{0, 0},
                      {UINT32_MAX, UINT32_MAX},
                      static_cast<std::uint32_t>(section.begin),
                      static_cast<std::uint32_t>(section.end)};
  const bool is_whole = section == Span{0, text.size()};
  ts_parser_set_included_ranges(parser_.get(), is_whole ? nullptr : &range, is_whole ? 0 : 1);
  Input source{text};
  const TSInput input{&source, read_input, TSInputEncodingUTF8, nullptr};
  // The payload is not written to.
  const TSParseOptions options{const_cast<Countdown*>(&countdown), [](TSParseState* state) {
                                 return static_cast<const Countdown*>(state->payload)->passed();
                               }};
  Tree tree(ts_parser_parse_with_options(parser_.get(), nullptr, input, options));
  if (!tree) return too_late(countdown, "parsing");
  return tree;
}

Result<const SyntaxParser::Query*> SyntaxParser::query_of(const Language& language) {
  std::unique_ptr<Query>& slot = queries_[language.grammar()];
  if (slot) return static_cast<const Query*>(slot.get());
  std::string source;
  for (const std::string_view part : language.queries) source += part;
  std::uint32_t offset = 0;
  TSQueryError error = TSQueryErrorNone;
  auto query = std::make_unique<Query>();
  query->compiled.reset(ts_query_new(language.grammar(), source.data(),
                                     static_cast<std::uint32_t>(source.size()), &offset, &error));
  if (!query->compiled) return bad_query(language, source.substr(offset, 60));
  const std::uint32_t captures = ts_query_capture_count(query->compiled.get());
  for (std::uint32_t id = 0; id < captures; ++id) {
    std::uint32_t length = 0;
    const char* word = ts_query_capture_name_for_id(query->compiled.get(), id, &length);
    if (use_named({word, length})) {
      query->meanings.push_back({});  // never seen: its pattern does not match
      continue;
    }
    const auto meaning = meaning_of({word, length});
    if (!meaning) return bad_query(language, "@" + std::string(word, length));
    query->meanings.push_back(*meaning);
  }
  query->read_uses(language.grammar(), source);
  slot = std::move(query);
  return static_cast<const Query*>(slot.get());
}

Result<void> SyntaxParser::prepare(const Language& language) {
  if (const auto query = query_of(language); !query) return query.error();
  return {};
}

Result<void> SyntaxParser::match(const Language& language, const Tree& tree,
                                 const Countdown& countdown, const MatchVisitor& visit) {
  const auto query = query_of(language);
  if (!query) return query.error();
  struct Progress {
    const Countdown& countdown;
    bool stopped = false;
  } progress{countdown};
  const TSQueryCursorOptions options{&progress, [](TSQueryCursorState* state) {
                                       auto* seen = static_cast<Progress*>(state->payload);
                                       seen->stopped = seen->countdown.passed();
                                       return seen->stopped;
                                     }};
  ts_query_cursor_exec_with_options(cursor_.get(), (*query)->compiled.get(),
                                    ts_tree_root_node(tree.get()), &options);
  TSQueryMatch match;
  std::vector<Capture> captures;
  while (ts_query_cursor_next_match(cursor_.get(), &match)) {
    captures.clear();
    std::optional<BoundValue> value;
    bool lacks_value = false;
    for (const TSQueryCapture& capture : std::span(match.captures, match.capture_count)) {
      const CaptureMeaning meaning = (*query)->meanings[capture.index];
      captures.push_back({meaning.role, meaning.kind, ts_node_symbol(capture.node),
                          span_of(capture.node), !ts_node_is_named(capture.node)});
      if (meaning.role != Role::kBound) continue;
      value = values_.find(capture.node, (*query)->uses);
      lacks_value = !value;
    }
    if (value) lacks_value = !show_value(*value, captures);
    if (!lacks_value) visit(captures);
  }
  if (progress.stopped) return too_late(countdown, "matching");
  return {};
}

}  // namespace forkdex
