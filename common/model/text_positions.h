#pragma once

// Which places a model has for a text's tokens: the supervisor limits chunks by it, the encoder
// takes rows of a table by it, and both must mean the same.

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "common/error/result.h"

namespace forkdex {

struct TextPositions {
  std::int64_t first = 0;  ///< the row of a text's first token in a table of learned positions
  std::int64_t count = 0;  ///< tokens that a text may have, special ones included; at least one

  /// Reads them from what config.json holds. ERRORS kModelUnusable, naming what is missing or
  /// impossible. Throws json::exception where model_type is no string.
  static Result<TextPositions> read(const nlohmann::json& config);
};

}  // namespace forkdex
