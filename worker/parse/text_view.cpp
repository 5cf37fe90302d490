#include "worker/parse/text_view.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/base/utf8.h"
#include "worker/parse/decode.h"
#include "worker/parse/documentation.h"

namespace forkdex {
namespace {

// Written for people: the text itself is what it is about.
constexpr std::array<std::string_view, 6> kDocuments = {"asciidoc", "html", "latex",
                                                        "markdown", "rst",  "text"};

enum class Letter { kNone, kSmall, kCapital, kDigit };

Letter letter_of(char c) {
  if (c >= 'A' && c <= 'Z') return Letter::kCapital;
  if (c >= '0' && c <= '9') return Letter::kDigit;
  const bool small = (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
  return small ? Letter::kSmall : Letter::kNone;
}

/// Whether a word begins at `at`, which is a letter or digit.
bool begins_word(std::string_view name, std::size_t at) {
  if (at == 0) return true;
  const Letter before = letter_of(name[at - 1]);
  const Letter here = letter_of(name[at]);
  if (before == here) {
    // The last capital of a row belongs to the word behind it: HTTPHeader.
    return here == Letter::kCapital && at + 1 < name.size() &&
           letter_of(name[at + 1]) == Letter::kSmall;
  }
  return !(before == Letter::kCapital && here == Letter::kSmall);
}

void append_line(std::string& view, std::string_view line) {
  if (line.empty() || view.size() >= kMaxTextViewBytes) return;
  view += '\n';
  view += line;
}

/// The comments in `span`, without markers. `comments` are ascending.
void append_comments(std::string& view, const std::vector<Span>& comments, Span span,
                     std::string_view text) {
  auto comment = std::ranges::lower_bound(comments, span.begin, {}, &Span::begin);
  for (; comment != comments.end() && comment->end <= span.end; ++comment)
    append_line(view, comment_text(slice(text, *comment)));
}

/// The path without its extension, which says nothing that the language does not.
std::string_view stem_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string_view::npos ? 0 : slash + 1;
  return dot == std::string_view::npos || dot <= name ? path : path.substr(0, dot);
}

}  // namespace

std::string words_of(std::string_view name) {
  std::string words;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const Letter letter = letter_of(name[i]);
    if (letter == Letter::kNone) continue;
    if (!words.empty() && begins_word(name, i)) words += ' ';
    words += letter == Letter::kCapital ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return words;
}

void add_text_views(std::string_view path, std::string_view language, std::string_view text,
                    const Outline& outline, const std::vector<Piece>& pieces,
                    std::vector<Chunk>& chunks) {
  const std::string path_words = words_of(to_valid_utf8(stem_of(path)));
  const bool is_document = std::ranges::find(kDocuments, language) != kDocuments.end();
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    Chunk& chunk = chunks[i];
    std::string& view = chunk.text_view;
    view = path_words;
    const std::string& name = chunk.qualified_name.empty() ? chunk.parent : chunk.qualified_name;
    if (!name.empty()) view += ": " + words_of(name);
    if (is_document) {
      append_line(view, chunk.source);
    } else {
      // A docstring that was made of comments stands among them.
      const std::uint32_t owner = pieces[i].owner;
      const bool is_comment =
          owner != Piece::kNoOwner && outline.documentation == Documentation::kComments;
      if (!is_comment) append_line(view, chunk.docstring);
      append_comments(view, outline.comments, pieces[i].span, text);
    }
    view.resize(capped(view, kMaxTextViewBytes).size());
  }
}

}  // namespace forkdex
