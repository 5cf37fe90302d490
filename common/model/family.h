#pragma once

// The families of encoders that forkdex reads, one row each, as far as both programs must know
// them: the supervisor limits chunks by a model's positions, the encoder takes rows of a table by
// them, and both must read config.json alike. The worker's settings and tensor names of a family
// are the row of the same name in worker/embed/encoder/families.cpp.

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forkdex {

/// The most of anything that config.json counts.
inline constexpr std::uint64_t kLargestSize = 1 << 24;

/// The key of a number in config.json.
struct ConfigKey {
  const char* usual;            ///< the key that an error names where the file has neither
  const char* other = nullptr;  ///< another spelling; null: there is none
  bool other_wins = false;      ///< where the file has both

  /// The key that `config` has.
  const char* in(const nlohmann::json& config) const;
};

/// Which positions a model has for a text's tokens.
struct TextPositions {
  std::int64_t first = 0;  ///< the row of a text's first token in a table of learned positions
  std::int64_t count = 0;  ///< tokens that a text may have, special ones included; at least one
};

/// One family. Keys are those that most families have; a row names the ones that differ.
struct ModelFamily {
  std::string_view name;
  std::array<std::string_view, 2> types;  ///< of config.json "model_type"; the second may be empty

  ConfigKey layers = {.usual = "num_hidden_layers", .other = "n_layer"};
  ConfigKey heads = {.usual = "num_attention_heads", .other = "n_head"};
  ConfigKey hidden = {.usual = "hidden_size", .other = "n_embd", .other_wins = true};
  ConfigKey vocabulary = {.usual = "vocab_size"};
  ConfigKey positions = {
      .usual = "max_position_embeddings", .other = "n_positions", .other_wins = true};
  /// The first token's position is the one after that of the token for padding.
  bool starts_after_padding = false;

  /// Reads the positions in `config`, which is of `file`. Throws Unusable
  /// (common/model/model_json.h), naming the key that is missing or impossible.
  TextPositions read_positions(const nlohmann::json& config,
                               const std::filesystem::path& file) const;
};

/// All of them.
std::span<const ModelFamily> model_families();

/// The family with this "model_type", or null.
const ModelFamily* find_family(std::string_view type);

/// Every "model_type" of every family.
std::vector<std::string_view> model_types();

}  // namespace forkdex
