#include "worker/parse/chunk_words.h"

#include "common/base/utf8.h"
#include "common/words/lexemes.h"

namespace forkdex {
namespace {

/// Docstring and comments: the text view without its first line, which names path and chunk. Of a
/// document that is the source again.
std::string_view docs_of(const Chunk& chunk) {
  if (chunk.kind == ChunkKind::kText) return chunk.docstring;
  const std::size_t end = chunk.text_view.find('\n');
  return end == std::string::npos ? std::string_view()
                                  : std::string_view(chunk.text_view).substr(end);
}

}  // namespace

std::string lexemes_of(std::string_view path, const Chunk& chunk) {
  ChunkWords words;
  words.add(WordField::kName, chunk.name);
  words.add(WordField::kName, chunk.qualified_name);
  words.add(WordField::kName, path);
  words.add(WordField::kSignature, chunk.signature);
  words.add(WordField::kDocs, docs_of(chunk));
  words.add(WordField::kBody, chunk.source);
  return words.tsvector();
}

}  // namespace forkdex
