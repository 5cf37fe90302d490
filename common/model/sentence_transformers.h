#pragma once

// What the library sentence-transformers adds to a folder with an encoder: how its vectors are made
// into one, what goes before a text, and how vectors are compared.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forkdex {

struct SentenceTransformers {
  std::string pooling = "mean";           ///< "mean", "cls" or "last"
  bool pools_prompt = true;               ///< tokens of the prompt count in pooling
  bool normalize = false;                 ///< vectors are scaled to length 1
  bool lower_case = false;                ///< texts are in lower case, whatever the tokenizer does
  std::optional<std::size_t> max_tokens;  ///< special ones included
  std::optional<std::size_t> dimensions;  ///< vectors are cut off behind these; at least one
  std::string query_prompt;
  std::string document_prompt;

  /// Reads `folder`'s modules.json and what belongs to it, in the formats of releases 1 to 6; what
  /// is not there is as in a plain encoder. `config` is that of config.json. Throws Unusable
  /// (common/model/model_json.h), naming what is not supported, and json::exception.
  static SentenceTransformers read(const std::filesystem::path& folder,
                                   const nlohmann::json& config);
};

}  // namespace forkdex
