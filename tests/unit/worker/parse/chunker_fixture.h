#pragma once

// Texts cut for a test: by a tokenizer small enough to reason about, told as one line a chunk.

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "worker/parse/chunker.h"

namespace forkdex::test {

/// Words and punctuation, two special tokens.
inline std::size_t count_words(std::string_view text) {
  std::size_t tokens = 2;
  bool in_word = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool word = std::isalnum(byte) || byte >= 0x80 || c == '_';
    if ((word && !in_word) || std::ispunct(byte)) ++tokens;
    in_word = word && c != '_';
  }
  return tokens;
}

inline ParsedFile parsed(std::string_view path, std::string_view source,
                         std::size_t max_tokens = 256) {
  Chunker chunker(count_words, {.max_tokens = max_tokens});
  auto file = chunker.chunk(path, source);
  REQUIRE(file.ok());
  return *std::move(file);
}

/// One line a chunk: kind, qualified name, lines, and @ the definition's line.
inline std::string outline(std::string_view path, std::string_view source,
                           std::size_t max_tokens = 256) {
  std::string result;
  for (const Chunk& chunk : parsed(path, source, max_tokens).chunks) {
    result += std::string(name(chunk.kind)) + ' ' + chunk.qualified_name;
    if (chunk.qualified_name.empty()) result.pop_back();
    result += ' ' + std::to_string(chunk.start_line) + '-' + std::to_string(chunk.end_line);
    result += " @" + std::to_string(chunk.definition_line) + '\n';
  }
  return result;
}

inline Chunk only(const ParsedFile& file, std::string_view qualified_name) {
  const auto named = [&](const Chunk& chunk) { return chunk.qualified_name == qualified_name; };
  REQUIRE(std::ranges::count_if(file.chunks, named) == 1);
  return *std::ranges::find_if(file.chunks, named);
}

inline Chunk only(std::string_view path, std::string_view source, std::string_view qualified_name) {
  return only(parsed(path, source), qualified_name);
}

}  // namespace forkdex::test
