#include "worker/parse/documentation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/utf8.h"
#include "worker/parse/decode.h"
#include "worker/parse/pragma.h"
#include "worker/parse/python_docstring.h"

namespace forkdex {
namespace {

constexpr std::size_t kMaxDecoratorBytes = 200;
constexpr std::string_view kSpaces = " \t\r\n\v\f";

std::string_view stripped(std::string_view text) {
  return slice(text, trimmed(text, {0, text.size()}));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

/// Joins lines without their common indentation; the first line's own does not count.
std::string dedented(const std::vector<std::string_view>& lines) {
  std::size_t indent = std::string_view::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    indent = std::min(indent, lines[i].find_first_not_of(" \t"));
  }
  std::string result;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (i > 0) {
      result += '\n';
      line.remove_prefix(std::min(indent, line.size()));
    }
    result += line.substr(0, line.find_last_not_of(kSpaces) + 1);
  }
  return std::string(stripped(result));
}

/// Appends `text` with every run of white space as one space.
void append_collapsed(std::string& result, std::string_view text, std::size_t max_bytes) {
  bool pending = !result.empty();
  for (std::size_t i = 0; i < text.size() && result.size() <= max_bytes; ++i) {
    if (is_space(text[i])) {
      pending = !result.empty();
      continue;
    }
    if (std::exchange(pending, false)) result += ' ';
    result += text[i];
  }
}

/// The first span of `spans` (ascending) that begins at or after `offset`.
auto first_from(const std::vector<Span>& spans, std::size_t offset) {
  return std::ranges::lower_bound(spans, offset, {}, &Span::begin);
}

/// The comments above a definition, and those between its decorators and its keyword.
std::vector<Span> comments_of(const Definition& definition, const Outline& outline,
                              std::string_view text) {
  std::vector<Span> result;
  std::size_t end = definition.code_begin;  // of the decorators and comments so far
  auto decorator = first_from(outline.decorators, end);
  auto comment = first_from(outline.comments, definition.comments_begin);
  for (; comment != outline.comments.end() && comment->begin < definition.name_begin; ++comment) {
    while (decorator != outline.decorators.end() && decorator->end <= comment->begin) {
      end = (decorator++)->end;
    }
    const bool in_decorator =
        decorator != outline.decorators.end() && decorator->begin < comment->begin;
    if (in_decorator) continue;
    const bool above = comment->begin < definition.code_begin;
    if (!above && trimmed(text, {end, comment->begin}).size() > 0) break;
    result.push_back(*comment);
    end = std::max(end, comment->end);
  }
  return result;
}

/// Whether JSDoc reads `comment`: "/*" and "/***" begin others.
bool is_jsdoc(std::string_view comment) {
  return comment.starts_with("/**") && comment.size() > 4 && comment[3] != '*';
}

/// Those of `comments` that say what the definition is: the last one that JSDoc reads or, without
/// one, the lines that begin with "//". What speaks to a tool says nothing of it.
std::vector<Span> documenting(std::vector<Span> comments, std::string_view text) {
  std::erase_if(comments,
                [&](Span comment) { return is_pragma(comment_text(slice(text, comment))); });
  for (auto comment = comments.rbegin(); comment != comments.rend(); ++comment) {
    if (is_jsdoc(slice(text, *comment))) return {*comment};
  }
  std::erase_if(comments, [&](Span comment) { return slice(text, comment).starts_with("/*"); });
  return comments;
}

/// Removes what opens a body after a signature.
void drop_opener(std::string& signature) {
  for (const std::string_view opener : {"{", "=>", ":", "= ("}) {
    if (!signature.ends_with(opener)) continue;
    signature.resize(signature.size() - opener.size());
    break;
  }
  signature.resize(signature.find_last_not_of(kSpaces) + 1);
}

}  // namespace

std::string signature_of(const Definition& definition, const Outline& outline,
                         std::string_view text) {
  std::string result;
  std::size_t position = definition.code_begin;
  const std::size_t end = std::max(position, definition.signature_end);
  auto comment = first_from(outline.comments, position);
  auto decorator = first_from(outline.decorators, position);
  while (position < end && result.size() <= kMaxSignatureBytes) {
    const bool decorators_left =
        decorator != outline.decorators.end() && decorator->begin < definition.name_begin;
    const std::size_t next_decorator = decorators_left ? decorator->begin : end;
    const std::size_t next_comment = comment != outline.comments.end() ? comment->begin : end;
    const std::size_t stop = std::min({end, next_comment, next_decorator});
    append_collapsed(result, slice(text, {position, stop}), kMaxSignatureBytes);
    if (stop == end) break;
    position = stop == next_comment ? (comment++)->end : (decorator++)->end;
    // Comments within what was skipped.
    while (comment != outline.comments.end() && comment->begin < position) ++comment;
    while (decorator != outline.decorators.end() && decorator->begin < position) ++decorator;
  }
  if (definition.signature_end < definition.span.end) drop_opener(result);
  return std::string(capped(result, kMaxSignatureBytes));
}

std::string comment_text(std::string_view comment) {
  if (comment.starts_with("/*")) {
    if (comment.ends_with("*/")) comment.remove_suffix(2);
    comment.remove_suffix(comment.size() - 1 - comment.find_last_not_of('*'));
    comment.remove_prefix(std::min(comment.find_first_not_of('*', 1), comment.size()));
  } else {
    const std::string_view marker = comment.starts_with('#') ? "#" : "/";
    comment.remove_prefix(std::min(comment.find_first_not_of(marker), comment.size()));
    if (comment.starts_with("!")) comment.remove_prefix(1);
    return std::string(stripped(comment));
  }
  std::vector<std::string_view> lines = lines_of(comment);
  for (std::string_view& line : lines) {
    const std::size_t star = line.find_first_not_of(" \t");
    if (star != std::string_view::npos && line[star] == '*') line.remove_prefix(star + 1);
  }
  return dedented(lines);
}

std::string docstring_of_file(const Outline& outline, std::string_view text) {
  if (!outline.docstring) return {};
  const auto docstring = python_docstring(slice(text, *outline.docstring));
  return std::string(capped(docstring.value_or(""), kMaxDocstringBytes));
}

std::string docstring_of(const Definition& definition, const Outline& outline,
                         std::string_view text) {
  if (outline.documentation == Documentation::kFirstString) {
    std::optional<std::string> docstring;
    if (definition.docstring) docstring = python_docstring(slice(text, *definition.docstring));
    return std::string(capped(docstring.value_or(""), kMaxDocstringBytes));
  }
  std::string result;
  for (const Span comment : documenting(comments_of(definition, outline, text), text)) {
    if (result.size() > kMaxDocstringBytes) break;
    if (!result.empty()) result += '\n';
    result += comment_text(slice(text, comment));
  }
  return std::string(stripped(capped(stripped(result), kMaxDocstringBytes)));
}

std::vector<std::string> decorators_of(const Definition& definition, const Outline& outline,
                                       std::string_view text) {
  std::vector<std::string> result;
  auto decorator = first_from(outline.decorators, definition.code_begin);
  for (; decorator != outline.decorators.end() && decorator->end <= definition.name_begin;
       ++decorator) {
    if (result.size() == kMaxDecorators) break;
    std::string line;
    append_collapsed(line, slice(text, *decorator), kMaxDecoratorBytes);
    result.emplace_back(capped(line, kMaxDecoratorBytes));
  }
  return result;
}

}  // namespace forkdex
