#include "worker/parse/syntax.h"

#include <tree_sitter/api.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

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
                                     {"property.", Role::kProperty}}) {
    if (!capture.starts_with(prefix)) continue;
    const auto kind = kind_named(capture.substr(prefix.size()));
    if (!kind) return std::nullopt;
    return CaptureMeaning{role, *kind};
  }
  static constexpr std::array kPlain = {
      std::pair{std::string_view("scope"), Role::kScope},
      std::pair{std::string_view("name"), Role::kName},
      std::pair{std::string_view("body"), Role::kBody},
      std::pair{std::string_view("docstring"), Role::kDocstring},
      std::pair{std::string_view("start"), Role::kStart},
      std::pair{std::string_view("end"), Role::kEnd},
      std::pair{std::string_view("outer"), Role::kOuter},
      std::pair{std::string_view("comment"), Role::kComment},
      std::pair{std::string_view("decorator"), Role::kDecorator},
      std::pair{std::string_view("block"), Role::kBlock},
  };
  for (const auto& [word, role] : kPlain) {
    if (capture == word) return CaptureMeaning{role, ChunkKind::kModule};
  }
  return std::nullopt;
}

Error bad_query(const Language& language, std::string what) {
  return Error{ErrorCode::kBug, "the query of a language does not fit its grammar",
               std::string(language.id) + ": " + std::move(what)};
}

}  // namespace

struct SyntaxParser::Query {
  struct Deleter {
    void operator()(TSQuery* query) const { ts_query_delete(query); }
  };
  std::unique_ptr<TSQuery, Deleter> compiled;
  std::vector<CaptureMeaning> meanings;  // by capture id
};

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
  if (!ts_parser_set_language(parser_.get(), language.grammar())) {
    return Error{ErrorCode::kBug, "a grammar's version does not fit tree-sitter's core",
                 std::string(language.id)};
  }
  ts_parser_reset(parser_.get());  // what a parse that ended early had left
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
    const auto meaning = meaning_of({word, length});
    if (!meaning) return bad_query(language, "@" + std::string(word, length));
    query->meanings.push_back(*meaning);
  }
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
    for (const TSQueryCapture& capture : std::span(match.captures, match.capture_count)) {
      const CaptureMeaning meaning = (*query)->meanings[capture.index];
      captures.push_back({meaning.role,
                          meaning.kind,
                          ts_node_symbol(capture.node),
                          {ts_node_start_byte(capture.node), ts_node_end_byte(capture.node)}});
    }
    visit(captures);
  }
  if (progress.stopped) return too_late(countdown, "matching");
  return {};
}

}  // namespace forkdex
