#pragma once

// Bytes on disk to chunks. Pure: no file is opened and nothing is kept between two calls except
// parsers and compiled queries, so one Chunker serves one worker for its life.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/error/result.h"
#include "worker/parse/chunk.h"
#include "worker/parse/deadline.h"

namespace forkdex {

class Chunker {
 public:
  /// Counts the tokens of a text, special tokens included, as the model would see it.
  using TokenCount = std::function<std::size_t(std::string_view)>;

  struct Limits {
    std::size_t max_tokens = 256;  ///< a larger chunk splits at statement borders, then lines
    Deadline parse_deadline{};     ///< of one file
  };

  Chunker(TokenCount count_tokens, Limits limits);
  ~Chunker();

  /// Decodes `bytes` and cuts them into chunks. The language follows from `path` or, where
  /// that says nothing, from the content.
  /// ERRORS kBinaryFile (NUL bytes, not UTF-16), kBadEncoding (declared UTF-16 that does not
  /// decode), kGeneratedFile (lines that no person wrote), kParseFailed (deadline passed).
  Result<ParsedFile> chunk(std::string_view path, std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forkdex
