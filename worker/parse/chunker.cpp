#include "worker/parse/chunker.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "worker/parse/chunk_words.h"
#include "worker/parse/content_language.h"
#include "worker/parse/decode.h"
#include "worker/parse/generated.h"
#include "worker/parse/language.h"
#include "worker/parse/line_ends.h"
#include "worker/parse/line_index.h"
#include "worker/parse/pieces.h"
#include "worker/parse/reading.h"
#include "worker/parse/syntax.h"
#include "worker/parse/text_view.h"

namespace forkdex {
namespace {

/// A syntax tree takes about a hundred times the text's memory; sources above this are generated,
/// and are cut by lines.
constexpr std::size_t kMaxParsedBytes = std::size_t{4} << 20;

void append_detail(std::string& detail, std::string_view sentence) {
  if (sentence.empty()) return;
  if (!detail.empty()) detail += "; ";
  detail += sentence;
}

/// Says which lines were not parsed, if they are more than a tenth of the text.
std::string what_is_unparsed(const std::vector<Span>& unparsed, std::string_view text) {
  constexpr std::size_t kMostRanges = 5;
  std::size_t bytes = 0;
  for (const Span span : unparsed) bytes += span.size();
  if (bytes <= text.size() / 10) return {};
  const LineIndex lines(text);
  struct Lines {
    std::uint32_t first;
    std::uint32_t last;
  };
  std::vector<Lines> ranges;
  for (const Span span : unparsed) {
    const Lines range{lines.line_of(span.begin), lines.line_of(span.end - 1)};
    if (!ranges.empty() && range.first <= ranges.back().last + 1) {
      ranges.back().last = std::max(ranges.back().last, range.last);
    } else {
      ranges.push_back(range);
    }
  }
  std::string list;
  for (std::size_t i = 0; i < std::min(ranges.size(), kMostRanges); ++i) {
    list += fmt::format("{}{}", i > 0 ? ", " : "", ranges[i].first);
    if (ranges[i].last > ranges[i].first) list += fmt::format("-{}", ranges[i].last);
  }
  const bool is_one = ranges.size() == 1 && ranges[0].first == ranges[0].last;
  return fmt::format("not parsed: {} {}{}", is_one ? "line" : "lines", list,
                     ranges.size() > kMostRanges ? ", …" : "");
}

}  // namespace

struct Chunker::State {
  TokenCount count_tokens;
  Limits limits;
  SyntaxParser parser;

  /// Cuts along the syntax, or by lines where there is none; says in `detail` if so.
  Result<std::vector<Piece>> cut(std::string_view text, const Splitter& splitter, ParsedFile& file,
                                 Outline& outline);
};

Chunker::Chunker(TokenCount count_tokens, Limits limits)
    : state_(new State{std::move(count_tokens), limits, {}}) {
  state_->limits.max_tokens = std::max<std::size_t>(1, limits.max_tokens);
}

Chunker::~Chunker() = default;

Result<std::vector<Piece>> Chunker::State::cut(std::string_view text, const Splitter& splitter,
                                               ParsedFile& file, Outline& outline) {
  const Language* language = find_language(file.language);
  if (!language) return cut_by_lines(text, splitter);
  if (text.size() > kMaxParsedBytes) {
    append_detail(file.detail, "too large to parse, cut by lines");
    return cut_by_lines(text, splitter);
  }
  if (const auto prepared = parser.prepare(*language); !prepared) return prepared.error();
  const Countdown countdown(limits.parse_deadline);
  const auto reading = Reading::read(parser, *language, text, countdown);
  if (!reading) return reading.error();
  if (reading->is_shapeless()) {
    append_detail(file.detail, "not the language its name says, cut by lines");
    return cut_by_lines(text, splitter);
  }
  const std::string unparsed = what_is_unparsed(reading->unparsed(), text);
  file.partly_parsed = !unparsed.empty();
  append_detail(file.detail, unparsed);
  OutlineBuilder builder(text);
  const auto add = [&builder](std::span<const Capture> match) { builder.add(match); };
  if (const auto matched = reading->match(parser, countdown, add); !matched) return matched.error();
  outline = std::move(builder).build();
  outline.documentation = language->documentation;
  const auto borders = [&] { return reading->borders(outline.types, text); };
  return cut_by_outline(text, outline, splitter, borders);
}

Result<ParsedFile> Chunker::chunk(std::string_view path, std::string_view bytes) {
  ParsedFile file;
  file.language = language_of_file(path, bytes);
  const Result<DecodedText> decoded = decode(bytes, file.language);
  if (!decoded) return decoded.error();
  // Everything but a chunk's source is made of lines that end as the grammars know it.
  const auto with_feeds = with_line_feeds(decoded->text());
  const std::string_view text = with_feeds ? *with_feeds : decoded->text();
  if (const auto by_hand = check_written_by_hand(text); !by_hand) return by_hand.error();
  append_detail(file.detail, decoded->detail());
  const Splitter splitter(text, state_->count_tokens, state_->limits.max_tokens);
  Outline outline;
  const auto pieces = state_->cut(text, splitter, file, outline);
  if (!pieces) return pieces.error();
  file.chunks = to_chunks(*decoded, text, outline, *pieces);
  add_text_views(path, file.language, text, outline, *pieces, file.chunks);
  for (Chunk& chunk : file.chunks) chunk.lexemes = lexemes_of(path, chunk);
  return file;
}

}  // namespace forkdex
