#pragma once

// A Hugging Face model folder as far as both programs must know it: what identifies it and what it
// accepts. Weights are never loaded here.

#include <filesystem>
#include <string>

#include "common/hash.h"
#include "common/result.h"

namespace forkdex {

struct ModelFolder {
  std::filesystem::path path;
  std::string name;             ///< the folder's own name for itself, else its file name
  std::string architecture;     ///< config.json "model_type", e.g. "bert"
  std::size_t dimension = 0;    ///< of its vectors, which may be cut off behind it
  std::size_t max_tokens = 0;   ///< special tokens included
  std::string pooling;          ///< "mean", "cls" or "last"
  std::string query_prefix;     ///< prepended to a query; empty for most models
  std::string document_prefix;  ///< prepended to a chunk
  bool normalize = false;
  Sha256 fingerprint{};  ///< weights, tokenizer, config, pooling, prefix, maximum tokens, dimension

  /// Reads the folder's JSON files and hashes the weights; `cache_folder` (may be empty) keeps the
  /// hash by (path, size, mtime) of the files read.
  /// ERRORS kModelUnusable, naming the file that is missing, malformed or not supported.
  static Result<ModelFolder> read(const std::filesystem::path& folder,
                                  const std::filesystem::path& cache_folder);

  /// The same of `chosen`, or of the bundled model where that is empty, with this machine's cache.
  static Result<ModelFolder> read_chosen(const std::filesystem::path& chosen);

  /// The same model with vectors cut to their first `dimensions` values (Matryoshka representation
  /// learning, Kusupati et al. 2022): another model, as far as vectors are concerned. ERRORS
  /// kUsage: the model has fewer.
  Result<ModelFolder> truncated(std::size_t dimensions) const;
};

}  // namespace forkdex
