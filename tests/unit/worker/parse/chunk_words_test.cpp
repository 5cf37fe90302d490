#include "worker/parse/chunk_words.h"

#include <string>

#include <catch2/catch.hpp>

#include "common/words/lexemes.h"

namespace forkdex {
namespace {

Chunk method() {
  Chunk chunk;
  chunk.kind = ChunkKind::kFunction;
  chunk.name = "parse";
  chunk.qualified_name = "Reader.parse";
  chunk.signature = "def parse(line)";
  chunk.docstring = "Reads a line.";
  chunk.text_view = "src reader parse function\nReads a line.\nSee also.";
  chunk.source = "def parse(line): return line";
  return chunk;
}

/// A chunk of `chunk`'s names and source whose docs are `docs`.
std::string with_docs(std::string_view path, const Chunk& chunk, std::string_view docs) {
  ChunkWords words;
  words.add(WordField::kName, chunk.name);
  words.add(WordField::kName, chunk.qualified_name);
  words.add(WordField::kName, path);
  words.add(WordField::kSignature, chunk.signature);
  words.add(WordField::kDocs, docs);
  words.add(WordField::kBody, chunk.source);
  return words.tsvector();
}

}  // namespace

TEST_CASE(
    "chunk words: a definition -> names and path, signature, text view without its first "
    "line, source",
    "[words]") {
  Chunk chunk = method();
  CHECK(lexemes_of("src/reader.py", chunk) ==
        with_docs("src/reader.py", chunk, "Reads a line. See also."));
  CHECK(lexemes_of("other.py", chunk) != lexemes_of("src/reader.py", chunk));
  chunk.text_view = "src reader parse function";
  CHECK(lexemes_of("src/reader.py", chunk) == with_docs("src/reader.py", chunk, ""));
  chunk.text_view = "";
  CHECK(lexemes_of("src/reader.py", chunk) == with_docs("src/reader.py", chunk, ""));
}

TEST_CASE("chunk words: a document -> its source counts once", "[words]") {
  Chunk chunk;
  chunk.kind = ChunkKind::kText;
  chunk.source = "# Title\nSome text.";
  chunk.text_view = "readme\n# Title\nSome text.";
  CHECK(lexemes_of("README.md", chunk) == with_docs("README.md", chunk, ""));
}

TEST_CASE("chunk words: a path that is not UTF-8 -> the words that are", "[words]") {
  const Chunk chunk = method();
  CHECK(lexemes_of("src/\xff/reader.py", chunk) ==
        with_docs("src reader py", chunk, "Reads a line. See also."));
}

}  // namespace forkdex
