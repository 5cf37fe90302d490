#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "worker/embed/embedder.h"

namespace forkdex {

/// A model whose vectors are stored.
struct EmbeddingModel {
  std::shared_ptr<Embedder> embedder;
  std::string prefix;   ///< goes before every text
  std::int64_t id = 0;  ///< of its row in the database
};

}  // namespace forkdex
