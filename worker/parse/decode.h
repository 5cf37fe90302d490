#pragma once

// Bytes on disk to UTF-8 text, and back from a place in the text to its place on disk. Pure; owns
// its text only where decoding changed it, otherwise it borrows the bytes it was given.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"

namespace forkdex {

/// A file's text as UTF-8 without byte order mark and without U+0000.
class DecodedText {
 public:
  std::string_view text() const { return borrowed_ ? bytes_.substr(bom_bytes_) : owned_; }

  /// For the user: "decoded as Latin-1", "decoded as EUC-KR", what was replaced, and a declaration
  /// that is not true; or empty for UTF-8.
  std::string_view detail() const { return detail_; }

  /// The byte on disk at which the code point at `text_offset` starts; text().size() gives the
  /// size on disk. REQUIRES that text_offset is a code point's start or text().size().
  std::size_t disk_offset(std::size_t text_offset) const;

 private:
  friend class Decoding;
  enum class Width { kSame, kLatin1, kUtf16, kCounted };

  void append(char32_t code_point, std::size_t disk_offset);

  std::string_view bytes_;
  std::string owned_;
  bool borrowed_ = true;
  std::size_t bom_bytes_ = 0;
  Width width_ = Width::kSame;
  std::string detail_;
  struct Checkpoint {
    std::size_t text;
    std::size_t disk;
    std::size_t character;  ///< index into widths_
  };
  std::vector<Checkpoint> checkpoints_;  // one every few thousand bytes of text, ascending
  std::string widths_;                   // of kCounted: how many bytes on disk each character takes
};

/// Decodes the text of a file in `language`, of which it needs to know where an encoding is
/// declared (worker/parse/declared_encoding.h). A byte order mark is no part of the text and says
/// more than a declaration. What is not declared is UTF-8 where at least half of its characters
/// beyond ASCII are, with U+FFFD for the others; else Latin-1. REQUIRES that `bytes` outlives the
/// result. ERRORS kBinaryFile (NUL bytes, or U+0000 in UTF-16: PostgreSQL's text holds none),
/// kBadEncoding (a UTF-16 byte order mark before bytes that are not UTF-16).
Result<DecodedText> decode(std::string_view bytes, std::string_view language = {});

}  // namespace forkdex
