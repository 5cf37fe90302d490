#pragma once

// The BERT encoder over concatenated tokens, in fp32. Weights are views of the mapped file, so that
// workers share them. Includes torch: for this library's own files only.

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/result.h"
#include "worker/embed/bert_config.h"
#include "worker/embed/safetensors.h"
#include "worker/embed/token_batch.h"

namespace forkdex {

/// Weights are [outputs, inputs], as the file holds them.
struct Linear {
  at::Tensor weight;
  at::Tensor bias;
};

struct LayerNorm {
  at::Tensor weight;
  at::Tensor bias;
};

struct BertLayer {
  Linear query, key, value;
  Linear attention_output;
  LayerNorm attention_norm;
  Linear intermediate;
  Linear output;
  LayerNorm output_norm;
};

class Bert {
 public:
  /// Takes the weights out of `weights`, which the model keeps open.
  /// ERRORS kModelUnusable, naming the tensor that is missing or has the wrong type or shape.
  static Result<Bert> open(const BertConfig& config, Safetensors weights);

  /// The last hidden state of every token of `batch`: [tokens, hidden].
  /// REQUIRES ids below the vocabulary's size and lengths up to the number of positions.
  /// Throws c10::Error.
  at::Tensor encode(const TokenBatch& batch) const;

 private:
  Bert(const BertConfig& config, Safetensors weights)
      : config_(config), weights_(std::move(weights)) {}
  void read_weights();
  BertLayer read_layer(const std::string& prefix) const;
  Linear linear(const std::string& name, std::int64_t outputs, std::int64_t inputs) const;
  LayerNorm layer_norm(const std::string& name) const;
  at::Tensor tensor(const std::string& name, std::vector<std::int64_t> shape) const;

  at::Tensor embed(const TokenBatch& batch) const;
  at::Tensor run_layer(const BertLayer& layer, const at::Tensor& hidden,
                       const TokenBatch& batch) const;
  at::Tensor attend(const BertLayer& layer, const at::Tensor& hidden,
                    const TokenBatch& batch) const;
  // Overwrites `hidden` and returns it.
  at::Tensor add_and_norm(at::Tensor hidden, const at::Tensor& residual,
                          const LayerNorm& norm) const;

  BertConfig config_;
  Safetensors weights_;
  std::string prefix_;  // "" or "bert.", before every tensor's name
  at::Tensor words_, positions_, token_type_;
  LayerNorm embedding_norm_;
  std::vector<BertLayer> layers_;
};

}  // namespace forkdex
