#include "worker/embed/bert.h"

#include <string>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include "worker/embed/kernels.h"
#include "worker/embed/linear.h"

namespace forkdex {
namespace {

// Thrown inside this file only: which tensor can't be used and why.
struct Unusable {
  std::string what;
};

std::string describe(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

std::optional<at::ScalarType> scalar_type(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "F16") return at::kHalf;
  if (dtype == "BF16") return at::kBFloat16;
  return std::nullopt;
}

}  // namespace

Result<Bert> Bert::open(const BertConfig& config, Safetensors weights) {
  Bert model(config, std::move(weights));
  try {
    model.read_weights();
  } catch (const Unusable& unusable) {
    return Error{ErrorCode::kModelUnusable, "this model's weights can't be used", unusable.what};
  }
  return model;
}

void Bert::read_weights() {
  const std::int64_t hidden = config_.hidden;
  if (weights_.find("bert.embeddings.word_embeddings.weight")) prefix_ = "bert.";
  words_ = tensor("embeddings.word_embeddings.weight", {config_.vocabulary, hidden});
  positions_ = tensor("embeddings.position_embeddings.weight", {config_.positions, hidden});
  // Every text is a first segment.
  token_type_ =
      tensor("embeddings.token_type_embeddings.weight", {config_.token_types, hidden}).select(0, 0);
  embedding_norm_ = layer_norm("embeddings.LayerNorm");
  for (std::int64_t i = 0; i < config_.layers; ++i)
    layers_.push_back(read_layer("encoder.layer." + std::to_string(i) + "."));
}

BertLayer Bert::read_layer(const std::string& prefix) const {
  const std::int64_t hidden = config_.hidden;
  const std::int64_t intermediate = config_.intermediate;
  BertLayer layer;
  layer.query = linear(prefix + "attention.self.query", hidden, hidden);
  layer.key = linear(prefix + "attention.self.key", hidden, hidden);
  layer.value = linear(prefix + "attention.self.value", hidden, hidden);
  layer.attention_output = linear(prefix + "attention.output.dense", hidden, hidden);
  layer.attention_norm = layer_norm(prefix + "attention.output.LayerNorm");
  layer.intermediate = linear(prefix + "intermediate.dense", intermediate, hidden);
  layer.output = linear(prefix + "output.dense", hidden, intermediate);
  layer.output_norm = layer_norm(prefix + "output.LayerNorm");
  return layer;
}

Linear Bert::linear(const std::string& name, std::int64_t outputs, std::int64_t inputs) const {
  return {tensor(name + ".weight", {outputs, inputs}), tensor(name + ".bias", {outputs})};
}

LayerNorm Bert::layer_norm(const std::string& name) const {
  return {tensor(name + ".weight", {config_.hidden}), tensor(name + ".bias", {config_.hidden})};
}

// A view of the mapping; a copy in fp32 where the file holds another type.
at::Tensor Bert::tensor(const std::string& name, std::vector<std::int64_t> shape) const {
  const Safetensors::Tensor* found = weights_.find(prefix_ + name);
  if (!found) throw Unusable{"tensor " + prefix_ + name + " is missing"};
  if (found->shape != shape)
    throw Unusable{"tensor " + prefix_ + name + " has the shape " + describe(found->shape) +
                   " instead of " + describe(shape)};
  const auto type = scalar_type(found->dtype);
  if (!type)
    throw Unusable{"tensor " + prefix_ + name + " has the type " + found->dtype +
                   ", which is not supported"};
  void* const data = const_cast<std::byte*>(found->bytes.data());  // torch has no const view
  return at::from_blob(data, shape, at::TensorOptions(*type)).to(at::kFloat);
}

at::Tensor Bert::encode(const TokenBatch& batch) const {
  at::Tensor hidden = embed(batch);
  for (const BertLayer& layer : layers_) hidden = run_layer(layer, hidden, batch);
  return hidden;
}

at::Tensor Bert::embed(const TokenBatch& batch) const {
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  at::Tensor places = at::empty({tokens}, at::kInt);
  auto* place = places.mutable_data_ptr<std::int32_t>();
  for (const std::size_t length : batch.lengths)
    for (std::size_t i = 0; i < length; ++i) *place++ = static_cast<std::int32_t>(i);
  const at::Tensor ids =
      at::from_blob(const_cast<std::int32_t*>(batch.ids.data()), {tokens}, at::kInt);
  const at::Tensor words = at::index_select(words_, 0, ids).add_(token_type_);
  return add_and_norm(words, at::index_select(positions_, 0, places), embedding_norm_);
}

at::Tensor Bert::run_layer(const BertLayer& layer, const at::Tensor& hidden,
                           const TokenBatch& batch) const {
  const at::Tensor attended = attend(layer, hidden, batch);
  const at::Tensor projected =
      apply_linear(attended, layer.attention_output.weight, layer.attention_output.bias);
  const at::Tensor middle = add_and_norm(projected, hidden, layer.attention_norm);
  const at::Tensor wide =
      apply_linear_gelu(middle, layer.intermediate.weight, layer.intermediate.bias);
  const at::Tensor narrow = apply_linear(wide, layer.output.weight, layer.output.bias);
  return add_and_norm(narrow, middle, layer.output_norm);
}

// Every sequence attends to itself alone.
at::Tensor Bert::attend(const BertLayer& layer, const at::Tensor& hidden,
                        const TokenBatch& batch) const {
  const at::Tensor query = apply_linear(hidden, layer.query.weight, layer.query.bias);
  const at::Tensor key = apply_linear(hidden, layer.key.weight, layer.key.bias);
  const at::Tensor value = apply_linear(hidden, layer.value.weight, layer.value.bias);
  at::Tensor attended = at::empty_like(hidden);
  kernels::best().attend(
      {query.const_data_ptr<float>(), key.const_data_ptr<float>(), value.const_data_ptr<float>(),
       static_cast<std::size_t>(config_.heads), static_cast<std::size_t>(config_.head_size())},
      batch.lengths, attended.mutable_data_ptr<float>());
  return attended;
}

at::Tensor Bert::add_and_norm(at::Tensor hidden, const at::Tensor& residual,
                              const LayerNorm& norm) const {
  kernels::best().add_layer_norm(
      {hidden.mutable_data_ptr<float>(), static_cast<std::size_t>(hidden.numel())},
      residual.const_data_ptr<float>(),
      {norm.weight.const_data_ptr<float>(), static_cast<std::size_t>(config_.hidden)},
      norm.bias.const_data_ptr<float>(), config_.layer_norm_epsilon);
  return hidden;
}

}  // namespace forkdex
