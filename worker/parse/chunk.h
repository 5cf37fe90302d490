#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forkdex {

enum class ChunkKind : std::uint8_t {
  kFunction,
  kMethod,
  kClass,  ///< a class's header: everything of it that is no method
  kInterface,
  kType,
  kEnum,
  kModule,  ///< what stands between definitions: imports, statements, constants
  kText,    ///< a window of a file without a grammar
};

std::string_view name(ChunkKind kind);

/// One searchable piece of a file. Lines are 1-based and inclusive, bytes 0-based and half-open,
/// both over the file as stored on disk; `source` is exactly those bytes decoded to UTF-8. The
/// chunks of a file are disjoint and hold everything of it but white space and a byte order mark.
///
/// A definition too large for the model, and a class with members between its methods, is several
/// chunks. All of them have its kind, names, signature and definition_line, and "part" and "parts"
/// in `metadata`; the docstring and the decorators stand with part 1 alone. Brackets and separators
/// that close something belong to the chunk before them: a class's last method ends with the class.
struct Chunk {
  std::uint32_t ordinal = 0;  ///< position in the file, from 0 in byte order
  ChunkKind kind = ChunkKind::kText;
  std::string name;              ///< empty for kModule and kText
  std::string qualified_name;    ///< scopes joined by '.', e.g. "Shape.area"
  std::string parent;            ///< qualified name of the enclosing definition, or empty
  std::string signature;         ///< the definition's first line or lines up to its body
  std::string docstring;         ///< docstring or attached documentation comment, without markers
  std::uint32_t start_line = 0;  ///< includes attached comments and decorators
  std::uint32_t end_line = 0;
  std::uint32_t definition_line = 0;  ///< first decorator or keyword of the definition, in all its
                                      ///< parts (so it may stand in another part); without a
                                      ///< definition, start_line
  std::uint64_t start_byte = 0;
  std::uint64_t end_byte = 0;
  std::string source;
  std::string text_view;  ///< what the text model embeds (worker/parse/text_view.h)
  /// Its words (common/words/lexemes.h), ready to be stored; none at first.
  std::string lexemes = std::string(4, '\0');
  std::string metadata = "{}";  ///< JSON object: "decorators" (texts), "part" (from 1), "parts"
};

/// What one file became.
struct ParsedFile {
  std::string_view language;   ///< a language id; static storage
  std::string detail;          ///< e.g. "decoded as Latin-1", or empty
  bool partly_parsed = false;  ///< much of it has no structure; `detail` says which lines
  std::vector<Chunk> chunks;   ///< in byte order; empty for a file with no text in it
};

}  // namespace forkdex
