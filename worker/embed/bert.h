#pragma once

// The BERT encoder over concatenated tokens. Includes torch: for this library's own files only.

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/result.h"
#include "worker/embed/bert_config.h"
#include "worker/embed/safetensors.h"
#include "worker/embed/token_batch.h"
#include "worker/embed/weights.h"

namespace forkdex {

/// Weights are [outputs, inputs].
struct Linear {
  at::Tensor weight;
  at::Tensor bias;
};

/// In fp32.
struct LayerNorm {
  at::Tensor weight;
  at::Tensor bias;
};

struct BertLayer {
  Linear query_key_value;  ///< the three of them, in this order
  Linear attention_output;
  LayerNorm attention_norm;
  Linear intermediate;
  Linear output;
  LayerNorm output_norm;
};

class Bert {
 public:
  /// Takes the weights out of `source`, by way of `prepared` (see Weights::open).
  /// ERRORS and exceptions as Weights::open.
  static Result<Bert> open(const BertConfig& config, const Safetensors& source,
                           at::ScalarType precision, const std::filesystem::path& prepared);

  /// The last hidden state of every token of `batch`: [tokens, hidden] in fp32.
  /// REQUIRES ids below the vocabulary's size and lengths up to the number of positions.
  /// Throws c10::Error.
  at::Tensor encode(const TokenBatch& batch) const;

  const Weights& weights() const { return weights_; }

 private:
  Bert(const BertConfig& config, Weights weights);
  BertLayer layer(const std::string& prefix) const;
  Linear linear(const std::string& name) const;
  LayerNorm layer_norm(const std::string& name) const;

  at::Tensor embed(const TokenBatch& batch) const;
  // Overwrites `hidden`.
  void run_layer(const BertLayer& layer, at::Tensor& hidden, const TokenBatch& batch) const;

  BertConfig config_;
  Weights weights_;
  at::Tensor words_, positions_, token_type_;
  LayerNorm embedding_norm_;
  std::vector<BertLayer> layers_;
};

}  // namespace forkdex
