#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "common/error/result.h"
#include "worker/embed/encoder/kernels/kernels.h"

namespace forkdex {

struct EncoderFamily;

/// The shape of an encoder, from config.json.
struct EncoderConfig {
  /// How a token's place in its text comes in.
  enum class Places : std::uint8_t { kLearned, kAlibi, kRotary };

  const EncoderFamily* family = nullptr;  ///< names its tensors; not null once read
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t hidden = 0;  ///< a multiple of heads
  std::int64_t intermediate = 0;
  std::int64_t vocabulary = 0;
  std::int64_t token_types = 0;  ///< 0 where there is no such embedding
  std::int64_t positions = 0;    ///< tokens a text may have
  float layer_norm_epsilon = 1e-12f;

  Places places = Places::kLearned;
  std::int64_t first_position = 0;  ///< the learned embedding of a text's first token
  double rotary_base = 0;           ///< of the angles' geometric series
  double local_rotary_base = 0;     ///< of layers that see a window only
  std::int64_t window = 0;          ///< tokens that those see to either side; 0: there are none
  std::int64_t global_every = 1;    ///< layers 0, n, 2n … see everything

  kernels::Activation activation = kernels::Activation::kGelu;
  bool has_gate = false;  ///< the widened states are two halves, one gating the other
  bool has_attention_bias = true;
  bool has_wide_bias = true;
  bool has_narrow_bias = true;
  bool has_norm_bias = true;
  bool is_pre_norm = false;  ///< what goes into a layer's halves is normalised, not what comes out
  bool centers_cut_vectors = false;  ///< they are trained to be cut off after a LayerNorm

  std::int64_t head_size() const { return hidden / heads; }  ///< a multiple of 16; rotary: of 32

  bool is_local(std::int64_t layer) const { return window > 0 && layer % global_every != 0; }

  /// Reads `folder`/config.json. ERRORS kModelUnusable, naming what is missing or not supported.
  static Result<EncoderConfig> read(const std::filesystem::path& folder);
};

/// The size under `key` of `config`, which is of `file`. Throws Unusable
/// (common/model/model_json.h), naming `key`, where it is missing, less than `least` or too large
/// for anything that an encoder has.
std::int64_t encoder_size(const nlohmann::json& config, const char* key,
                          const std::filesystem::path& file, std::uint64_t least = 1);

}  // namespace forkdex
