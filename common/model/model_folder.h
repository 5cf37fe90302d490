#pragma once

// A Hugging Face model folder as far as both programs must know it: what identifies it and what it
// accepts. Weights are never loaded here.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "common/base/hash.h"
#include "common/error/result.h"

namespace forkdex {

/// Settings that override the folder's. They shape vectors as the folder does.
struct ModelOverrides {
  /// Cut vectors to their first values (Matryoshka representation learning, Kusupati et al.
  /// 2022).
  std::optional<std::uint32_t> dimensions = std::nullopt;
  std::optional<std::string> query_prefix = std::nullopt;
  std::optional<std::string> document_prefix = std::nullopt;
};

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
  bool lower_case = false;  ///< texts are, before they become tokens, whatever the tokenizer does
  Sha256 encoder{};         ///< fingerprint of weights and config alone
  Sha256 fingerprint{};     ///< of what stored vectors depend on: all but the query's prefix

  /// Reads the folder's JSON files and hashes the weights; `cache_folder` (may be empty) keeps the
  /// hash by (path, size, mtime) of the files read.
  /// ERRORS kModelUnusable, naming the file that is missing, malformed or not supported; kUsage:
  /// the model has fewer dimensions than asked for.
  static Result<ModelFolder> read(const std::filesystem::path& folder,
                                  const std::filesystem::path& cache_folder,
                                  const ModelOverrides& overrides = {});
};

}  // namespace forkdex
