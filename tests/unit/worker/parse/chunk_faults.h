#pragma once

// What is wrong with the chunks of a file, if anything: nothing of it may be lost, nothing may
// stand in two chunks, and every chunk is found again in the bytes on disk.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/utf8.h"
#include "worker/parse/chunker.h"
#include "worker/parse/decode.h"
#include "worker/parse/documentation.h"

namespace forkdex::test {

/// Words and punctuation; blind to white space, as the model's tokenizer is.
inline std::size_t count_tokens(std::string_view text) {
  std::size_t tokens = 2;
  bool in_word = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool word = std::isalnum(byte) || byte >= 0x80;
    if ((word && !in_word) || std::ispunct(byte)) ++tokens;
    in_word = word;
  }
  return tokens;
}

inline bool is_blank_character(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

/// The UTF-8 `text` without its white space.
inline std::string without_blanks(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const Utf8Character first = first_character(text);
    if (!is_blank_character(first.code_point)) kept += text.substr(0, first.bytes);
    text.remove_prefix(first.bytes);
  }
  return kept;
}

inline bool is_blank(std::string_view text) { return without_blanks(text).empty(); }

/// What is wrong with one chunk by itself, or empty.
inline std::string chunk_fault(const Chunk& chunk, std::string_view bytes, std::size_t max_tokens,
                               const Chunker::TokenCount& count) {
  if (chunk.start_byte >= chunk.end_byte || chunk.end_byte > bytes.size()) return "bad bytes";
  const std::string_view source = chunk.source;
  if (is_blank(source.substr(0, first_character(source).bytes))) return "begins blank";
  if (is_blank(source.substr(code_point_border(source, source.size() - 1)))) return "ends blank";
  const bool one_code_point = utf8_sequence(chunk.source) == chunk.source.size();
  if (count(chunk.source) > max_tokens && !one_code_point) return "too large";
  const bool named = chunk.kind != ChunkKind::kModule && chunk.kind != ChunkKind::kText;
  if (!named && !chunk.name.empty()) return "a name where nothing is defined";
  if (!nlohmann::json::accept(chunk.metadata)) return "metadata is no JSON";
  if (chunk.signature.size() > 512 || chunk.docstring.size() > kMaxDocstringBytes)
    return "not capped";
  return {};
}

/// Whether every definition's line stands in one of its parts.
inline bool definition_lines_fit(const ParsedFile& file) {
  std::map<std::pair<std::string_view, std::uint32_t>, bool> seen;
  for (const Chunk& chunk : file.chunks) {
    const bool inside =
        chunk.start_line <= chunk.definition_line && chunk.definition_line <= chunk.end_line;
    const bool is_part = nlohmann::json::parse(chunk.metadata).contains("part");
    if (!is_part && !inside) return false;
    bool& found = seen[{chunk.qualified_name, chunk.definition_line}];
    found = found || inside;
  }
  return std::ranges::all_of(seen, [](const auto& entry) { return entry.second; });
}

/// What is wrong with the chunks of a UTF-8 file, or empty.
inline std::string chunks_fault(const ParsedFile& file, std::string_view bytes,
                                std::size_t max_tokens, const Chunker::TokenCount& count) {
  std::size_t covered = bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  std::size_t line = 1;
  std::size_t counted = 0;
  const auto line_at = [&](std::size_t offset) {
    for (; counted < offset; ++counted) {
      const bool lone = bytes[counted] == '\r' && bytes.substr(counted + 1, 1) != "\n";
      if (bytes[counted] == '\n' || lone) ++line;
    }
    return line;
  };
  for (std::size_t i = 0; i < file.chunks.size(); ++i) {
    const Chunk& chunk = file.chunks[i];
    const std::string where = " in chunk " + std::to_string(i);
    if (auto fault = chunk_fault(chunk, bytes, max_tokens, count); !fault.empty()) {
      return fault + where;
    }
    if (chunk.ordinal != i) return "ordinal" + where;
    if (chunk.start_byte < covered) return "overlap" + where;
    if (!is_blank(bytes.substr(covered, chunk.start_byte - covered))) return "lost before" + where;
    const auto stored = bytes.substr(chunk.start_byte, chunk.end_byte - chunk.start_byte);
    if (stored != chunk.source) return "source is not the file's bytes" + where;
    if (line_at(chunk.start_byte) != chunk.start_line) return "start line" + where;
    if (line_at(chunk.end_byte - 1) != chunk.end_line) return "end line" + where;
    covered = chunk.end_byte;
  }
  if (!definition_lines_fit(file)) return "definition outside";
  return is_blank(bytes.substr(covered)) ? "" : "lost at the end";
}

}  // namespace forkdex::test
