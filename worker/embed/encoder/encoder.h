#pragma once

// A transformer encoder of the BERT family over concatenated tokens. Includes torch: for this
// library's own files only.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/error/result.h"
#include "worker/embed/encoder/encoder_config.h"
#include "worker/embed/encoder/safetensors.h"
#include "worker/embed/encoder/token_batch.h"
#include "worker/embed/encoder/weights.h"

namespace forkdex {

/// Weights are [outputs, inputs], plain or else packed; the bias of plain ones is undefined where
/// there is none.
struct Linear {
  at::Tensor weight;
  at::Tensor packed;
  at::Tensor bias;
};

/// In fp32; undefined where there is none.
struct LayerNorm {
  at::Tensor weight;
  at::Tensor bias;
};

struct EncoderLayer {
  Linear query_key_value;  ///< the three of them, in this order
  LayerNorm query_norm, key_norm;
  Linear attention_output;
  LayerNorm attention_norm, second_norm;
  Linear wide;
  Linear narrow;
  LayerNorm output_norm;
  bool is_local = false;  ///< sees a window only
};

/// Whether linear layers in this precision (kFloat or kBFloat16) are ours here, over packed
/// weights.
bool packs_weights(at::ScalarType precision);

class Encoder {
 public:
  /// Takes the weights out of `source`, by way of `prepared` (see Weights::open), and computes in
  /// `precision` (kFloat or kBFloat16). Texts will have up to `most_tokens` tokens.
  /// ERRORS and exceptions as Weights::open.
  static Result<Encoder> open(const EncoderConfig& config, const Safetensors& source,
                              at::ScalarType precision, std::size_t most_tokens,
                              const std::filesystem::path& prepared);

  /// The last hidden state of every token of `batch`: [tokens, hidden] in fp32.
  /// REQUIRES ids below the vocabulary's size and lengths up to `most_tokens`.
  /// Throws c10::Error.
  at::Tensor encode(const TokenBatch& batch) const;

  const Weights& weights() const { return weights_; }

 private:
  Encoder(const EncoderConfig& config, kernels::Gate gate, std::size_t most_tokens,
          Weights weights);
  EncoderLayer layer(std::int64_t index) const;
  Linear linear(const std::string& name) const;
  LayerNorm norm(const std::string& name) const;

  at::Tensor embed(const TokenBatch& batch) const;
  void run_layer(const EncoderLayer& layer, at::Tensor& hidden, const TokenBatch& batch) const;
  void run_pre_norm_layer(const EncoderLayer& layer, at::Tensor& hidden,
                          const TokenBatch& batch) const;
  at::Tensor attend(const EncoderLayer& layer, const at::Tensor& hidden,
                    const TokenBatch& batch) const;
  at::Tensor widen(const EncoderLayer& layer, const at::Tensor& hidden) const;
  void add_and_norm(at::Tensor hidden, const at::Tensor& added, const LayerNorm& norm) const;

  EncoderConfig config_;
  kernels::Gate gate_;
  Weights weights_;
  at::Tensor words_, positions_, token_type_;
  LayerNorm embedding_norm_, final_norm_;
  std::vector<EncoderLayer> layers_;
  std::int64_t row_multiple_;
  std::vector<float> slopes_;               // ALiBi: of each head
  std::vector<float> turns_, local_turns_;  // rotary: see kernels::Functions::rotate
};

}  // namespace forkdex
