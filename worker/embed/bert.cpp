#include "worker/embed/bert.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>

#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include "worker/embed/kernels/kernels.h"
#include "worker/embed/linear.h"

namespace forkdex {
namespace {

// oneDNN compiles a linear layer for every number of rows it meets; batches near the token budget
// have nearly all the same one when it is rounded up to this.
constexpr std::int64_t kRowMultiple = 64;
// Rows whose widened states stay in the second-level cache between the layers that make and use
// them.
constexpr std::int64_t kBlockRows = 256;

/// Everything the encoder computes with, under the names that Hugging Face gives it (`prefix`
/// before each of them).
std::vector<Parameter> parameters_of(const BertConfig& config, const std::string& prefix) {
  const std::int64_t hidden = config.hidden;
  std::vector<Parameter> all;
  const auto add = [&](const std::string& name, std::vector<std::string> parts,
                       std::vector<std::int64_t> shape, bool in_fp32 = false) {
    for (std::string& part : parts) part = prefix + part;
    all.push_back({name, std::move(parts), std::move(shape), in_fp32});
  };
  const auto add_linear = [&](const std::string& name, const std::vector<std::string>& parts,
                              std::int64_t outputs, std::int64_t inputs) {
    std::vector<std::string> weights, biases;
    for (const std::string& part : parts) weights.push_back(part + ".weight");
    for (const std::string& part : parts) biases.push_back(part + ".bias");
    add(name + ".weight", weights, {outputs, inputs});
    add(name + ".bias", biases, {outputs});
  };
  const auto add_norm = [&](const std::string& name, const std::string& part) {
    add(name + ".weight", {part + ".weight"}, {hidden}, true);
    add(name + ".bias", {part + ".bias"}, {hidden}, true);
  };
  add("words", {"embeddings.word_embeddings.weight"}, {config.vocabulary, hidden});
  add("positions", {"embeddings.position_embeddings.weight"}, {config.positions, hidden});
  add("token_types", {"embeddings.token_type_embeddings.weight"}, {config.token_types, hidden});
  add_norm("embedding_norm", "embeddings.LayerNorm");
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string ours = std::to_string(i) + ".";
    const std::string theirs = "encoder.layer." + ours;
    const std::string self = theirs + "attention.self.";
    add_linear(ours + "query_key_value", {self + "query", self + "key", self + "value"}, hidden,
               hidden);
    add_linear(ours + "attention_output", {theirs + "attention.output.dense"}, hidden, hidden);
    add_norm(ours + "attention_norm", theirs + "attention.output.LayerNorm");
    add_linear(ours + "intermediate", {theirs + "intermediate.dense"}, config.intermediate, hidden);
    add_linear(ours + "output", {theirs + "output.dense"}, hidden, config.intermediate);
    add_norm(ours + "output_norm", theirs + "output.LayerNorm");
  }
  return all;
}

/// torch's type for a kernel's.
template <class T>
using TorchType = std::conditional_t<std::is_same_v<T, float>, float, at::BFloat16>;

template <class T>
T* values_of(at::Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.mutable_data_ptr<TorchType<T>>());
}

template <class T>
const T* values_of(const at::Tensor& tensor) {
  return reinterpret_cast<const T*>(tensor.const_data_ptr<TorchType<T>>());
}

template <class T>
void attend_as(const at::Tensor& projected, const BertConfig& config,
               const std::vector<std::size_t>& lengths, at::Tensor& out) {
  const auto hidden = static_cast<std::size_t>(config.hidden);
  const T* const query = values_of<T>(projected);
  kernels::best().of<T>().attend(
      {query, query + hidden, query + 2 * hidden, 3 * hidden,
       static_cast<std::size_t>(config.heads), static_cast<std::size_t>(config.head_size())},
      lengths, values_of<T>(out));
}

/// Every sequence attends to itself alone. `projected` is queries, keys and values side by side;
/// the rows behind the batch's tokens become 0.
at::Tensor attend(const at::Tensor& projected, const BertConfig& config, const TokenBatch& batch) {
  const std::int64_t rows = projected.size(0);
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  at::Tensor out = at::empty({rows, config.hidden}, projected.options());
  if (rows > tokens) out.narrow(0, tokens, rows - tokens).zero_();
  if (out.scalar_type() == at::kFloat)
    attend_as<float>(projected, config, batch.lengths, out);
  else
    attend_as<kernels::Bf16>(projected, config, batch.lengths, out);
  return out;
}

template <class T>
void add_and_norm_as(at::Tensor& hidden, const at::Tensor& added, const LayerNorm& norm,
                     float epsilon) {
  const std::span<const float> scale(norm.weight.const_data_ptr<float>(),
                                     static_cast<std::size_t>(norm.weight.numel()));
  kernels::best().of<T>().add_layer_norm(
      {values_of<T>(hidden), static_cast<std::size_t>(hidden.numel())}, values_of<T>(added), scale,
      norm.bias.const_data_ptr<float>(), epsilon);
}

/// hidden = LayerNorm(hidden + added), in place.
void add_and_norm(at::Tensor& hidden, const at::Tensor& added, const LayerNorm& norm,
                  float epsilon) {
  if (hidden.scalar_type() == at::kFloat)
    add_and_norm_as<float>(hidden, added, norm, epsilon);
  else
    add_and_norm_as<kernels::Bf16>(hidden, added, norm, epsilon);
}

/// gelu(x · weightᵀ + bias).
at::Tensor widen(const at::Tensor& x, const Linear& linear) {
  if (x.scalar_type() == at::kFloat) return apply_linear_gelu(x, linear.weight, linear.bias);
  at::Tensor wide = apply_linear(x, linear.weight, linear.bias);
  kernels::best().gelu({values_of<kernels::Bf16>(wide), static_cast<std::size_t>(wide.numel())});
  return wide;
}

}  // namespace

Result<Bert> Bert::open(const BertConfig& config, const Safetensors& source,
                        at::ScalarType precision, const std::filesystem::path& prepared) {
  const bool is_prefixed = source.find("bert.embeddings.word_embeddings.weight") != nullptr;
  auto weights =
      Weights::open(source, parameters_of(config, is_prefixed ? "bert." : ""), precision, prepared);
  if (!weights) return weights.error();
  return Bert(config, *std::move(weights));
}

Bert::Bert(const BertConfig& config, Weights weights)
    : config_(config),
      weights_(std::move(weights)),
      words_(weights_.tensor("words")),
      positions_(weights_.tensor("positions")),
      token_type_(weights_.tensor("token_types").select(0, 0)),  // every text is a first segment
      embedding_norm_(layer_norm("embedding_norm")) {
  for (std::int64_t i = 0; i < config_.layers; ++i)
    layers_.push_back(layer(std::to_string(i) + "."));
}

BertLayer Bert::layer(const std::string& prefix) const {
  return {linear(prefix + "query_key_value"),
          linear(prefix + "attention_output"),
          layer_norm(prefix + "attention_norm"),
          linear(prefix + "intermediate"),
          linear(prefix + "output"),
          layer_norm(prefix + "output_norm")};
}

Linear Bert::linear(const std::string& name) const {
  return {weights_.tensor(name + ".weight"), weights_.tensor(name + ".bias")};
}

LayerNorm Bert::layer_norm(const std::string& name) const {
  return {weights_.tensor(name + ".weight"), weights_.tensor(name + ".bias")};
}

at::Tensor Bert::encode(const TokenBatch& batch) const {
  at::Tensor hidden = embed(batch);
  for (const BertLayer& layer : layers_) run_layer(layer, hidden, batch);
  return hidden.narrow(0, 0, static_cast<std::int64_t>(batch.ids.size())).to(at::kFloat);
}

/// Behind the batch's tokens stand others, up to a full row count: what becomes of them is not
/// read.
at::Tensor Bert::embed(const TokenBatch& batch) const {
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  const std::int64_t rows = (tokens + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
  at::Tensor ids = at::zeros({rows}, at::kInt);
  std::copy(batch.ids.begin(), batch.ids.end(), ids.mutable_data_ptr<std::int32_t>());
  at::Tensor places = at::zeros({rows}, at::kInt);
  auto* place = places.mutable_data_ptr<std::int32_t>();
  for (const std::size_t length : batch.lengths)
    for (std::size_t i = 0; i < length; ++i) *place++ = static_cast<std::int32_t>(i);
  at::Tensor hidden = at::index_select(words_, 0, ids).add_(token_type_);
  add_and_norm(hidden, at::index_select(positions_, 0, places), embedding_norm_,
               config_.layer_norm_epsilon);
  return hidden;
}

void Bert::run_layer(const BertLayer& layer, at::Tensor& hidden, const TokenBatch& batch) const {
  const float epsilon = config_.layer_norm_epsilon;
  const at::Tensor projected =
      apply_linear(hidden, layer.query_key_value.weight, layer.query_key_value.bias);
  const at::Tensor attended = attend(projected, config_, batch);
  add_and_norm(hidden,
               apply_linear(attended, layer.attention_output.weight, layer.attention_output.bias),
               layer.attention_norm, epsilon);
  for (std::int64_t start = 0; start < hidden.size(0); start += kBlockRows) {
    at::Tensor block = hidden.narrow(0, start, std::min(kBlockRows, hidden.size(0) - start));
    const at::Tensor wide = widen(block, layer.intermediate);
    add_and_norm(block, apply_linear(wide, layer.output.weight, layer.output.bias),
                 layer.output_norm, epsilon);
  }
}

}  // namespace forkdex
