#pragma once

// Which tensors of a model's file an encoder's parameters are made of: every family names the same
// things differently. Includes torch: for this library's own files only.

#include <string_view>
#include <vector>

#include "worker/embed/encoder/encoder_config.h"
#include "worker/embed/encoder/safetensors.h"
#include "worker/embed/encoder/weights.h"

namespace forkdex {

/// Names of parameters. A layer's stand behind its number and a dot; linear layers and norms have
/// ".weight" and, where the model has one, ".bias".
namespace parameter {
inline constexpr std::string_view kWords = "words";
inline constexpr std::string_view kPositions = "positions";     // learned places only
inline constexpr std::string_view kTokenTypes = "token_types";  // where there are any
inline constexpr std::string_view kEmbeddingNorm = "embedding_norm";
inline constexpr std::string_view kFinalNorm = "final_norm";  // pre-norm encoders only
inline constexpr std::string_view kQueryKeyValue = "query_key_value";
inline constexpr std::string_view kQueryNorm = "query_norm";  // where there is one, as the next
inline constexpr std::string_view kKeyNorm = "key_norm";
inline constexpr std::string_view kAttentionOutput = "attention_output";
inline constexpr std::string_view kAttentionNorm = "attention_norm";  // ModernBERT: not in layer 0
inline constexpr std::string_view kSecondNorm = "second_norm";        // of the residual once more
inline constexpr std::string_view kWide = "wide";
inline constexpr std::string_view kNarrow = "narrow";
inline constexpr std::string_view kOutputNorm = "output_norm";
}  // namespace parameter

struct FamilyWeights {
  std::vector<Parameter> parameters;
  kernels::Gate gate = kernels::Gate::kFirst;  ///< where the encoder has one
};

/// What `source` has to hold for an encoder of this shape. `is_packed`: linear layers that
/// kernels::Functions::linear can compute have packed weights (".packed", and a bias in fp32).
FamilyWeights family_weights(const EncoderConfig& config, const Safetensors& source,
                             bool is_packed);

}  // namespace forkdex
