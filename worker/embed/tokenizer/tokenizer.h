#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "common/error/result.h"

namespace forkdex {

/// Text to token ids, identical to what the model's tokenizer.json defines.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Appends the ids of `text` (UTF-8; invalid sequences count as U+FFFD) to `ids`, special tokens
  /// included, cut to `max_tokens`. Returns how many were appended.
  virtual std::size_t encode(std::string_view text, std::size_t max_tokens,
                             std::vector<std::int32_t>& ids) const = 0;

  /// Counts the ids of `text`, special tokens included, uncut.
  virtual std::size_t count(std::string_view text) const = 0;

  /// No id is larger; ids may have gaps.
  virtual std::int32_t largest_id() const = 0;

  /// Opens `folder`/tokenizer.json; with `lower_case` its normalizer gets texts in lower case.
  /// ERRORS kModelUnusable, naming what is not supported, or what tokenizer_config.json says
  /// otherwise.
  static Result<std::unique_ptr<Tokenizer>> open(const std::filesystem::path& folder,
                                                 bool lower_case = false);
};

}  // namespace forkdex
