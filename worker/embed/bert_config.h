#pragma once

#include <cstdint>
#include <filesystem>

#include "common/result.h"

namespace forkdex {

/// The shape of a BERT encoder, from config.json.
struct BertConfig {
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t hidden = 0;  ///< a multiple of heads
  std::int64_t intermediate = 0;
  std::int64_t vocabulary = 0;
  std::int64_t positions = 0;
  std::int64_t token_types = 0;
  float layer_norm_epsilon = 1e-12f;

  std::int64_t head_size() const { return hidden / heads; }  ///< a multiple of 16

  /// Reads `folder`/config.json. ERRORS kModelUnusable, naming what is missing or not supported:
  /// an architecture other than BERT, an activation other than gelu, positions other than absolute,
  /// a head size that is no multiple of 16.
  static Result<BertConfig> read(const std::filesystem::path& folder);
};

}  // namespace forkdex
