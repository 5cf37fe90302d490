#include "worker/embed/encoder/encoder.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "worker/embed/encoder/families.h"
#include "worker/embed/encoder/kernel_types.h"
#include "worker/embed/encoder/kernels/kernels.h"
#include "worker/embed/encoder/linear.h"
#include "worker/embed/encoder/places.h"

namespace forkdex {
namespace {

using Places = EncoderConfig::Places;

// oneDNN compiles a linear layer for every number of rows it meets; batches near the token budget
// have nearly all the same one when it is rounded up to this.
constexpr std::int64_t kOneDnnRowMultiple = 64;
// Rows whose widened states are there at once. Weights are read again for each block, so that small
// blocks cost time (docs/benchmarks.md), and large ones memory.
constexpr std::int64_t kBlockRows = 1024;
static_assert(kBlockRows % kOneDnnRowMultiple == 0 && kOneDnnRowMultiple % 32 == 0,
              "oneDNN's rows suit blocks, and packed layers beside plain ones");

std::size_t count(std::int64_t size) { return static_cast<std::size_t>(size); }

/// Normalises as many columns as `norm` has, from `column` on, in place, after adding `added` where
/// it is defined.
void norm_columns(at::Tensor& rows, std::int64_t column, const at::Tensor& added,
                  const LayerNorm& norm, float epsilon) {
  with_kernel_type(rows.scalar_type(), [&](auto type) {
    using T = decltype(type);
    kernels::best().of<T>().add_layer_norm(
        view_of<T>(rows).column_block(count(column), count(norm.weight.numel())),
        added.defined() ? values_of<T>(added) : nullptr, norm.weight.const_data_ptr<float>(),
        norm.bias.const_data_ptr<float>(), epsilon);
  });
}

/// By packed weights, with what follows the layer. REQUIRES a multiple of the kernel's rows.
at::Tensor apply_packed(const Linear& linear, const at::Tensor& x,
                        std::optional<kernels::Activation> activation = std::nullopt,
                        bool is_gated = false) {
  const std::int64_t outputs = linear.packed.size(0);
  const std::int64_t width = is_gated ? outputs / 2 : outputs;
  at::Tensor out = at::empty({x.size(0), width}, x.options());
  with_kernel_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const kernels::PackedLinear<T> layer{.weights = values_of<T>(linear.packed),
                                         .bias = linear.bias.const_data_ptr<float>(),
                                         .inputs = count(linear.packed.size(1)),
                                         .outputs = count(outputs),
                                         .activation = activation,
                                         .is_gated = is_gated};
    for (std::int64_t start = 0; start < x.size(0); start += kBlockRows)
      kernels::best().of<T>().linear(layer, values_of<T>(x) + start * x.size(1),
                                     count(std::min(kBlockRows, x.size(0) - start)),
                                     values_of<T>(out) + start * width);
  });
  return out;
}

at::Tensor apply(const Linear& linear, const at::Tensor& x) {
  if (linear.packed.defined()) return apply_packed(linear, x);
  return apply_linear(x, linear.weight, linear.bias);
}

bool is_packed(const EncoderLayer& layer) {
  return layer.query_key_value.packed.defined() && layer.attention_output.packed.defined() &&
         layer.wide.packed.defined() && layer.narrow.packed.defined();
}

/// Of how many rows a batch has to be a multiple, for the linear layers of all `layers`.
std::int64_t row_multiple(const std::vector<EncoderLayer>& layers, at::ScalarType precision) {
  if (!std::all_of(layers.begin(), layers.end(), is_packed)) return kOneDnnRowMultiple;
  return with_kernel_type(precision, [](auto type) {
    return static_cast<std::int64_t>(kernels::best().of<decltype(type)>().row_multiple);
  });
}

}  // namespace

bool packs_weights(at::ScalarType precision) {
  return with_kernel_type(
      precision, [](auto type) { return kernels::best().of<decltype(type)>().linear != nullptr; });
}

Result<Encoder> Encoder::open(const EncoderConfig& config, const Safetensors& source,
                              at::ScalarType precision, std::size_t most_tokens,
                              const std::filesystem::path& prepared) {
  const FamilyWeights family = config.family->weights(config, source, packs_weights(precision));
  auto weights = Weights::open(source, family.parameters, precision, prepared);
  if (!weights) return weights.error();
  return Encoder(config, family.gate, most_tokens, *std::move(weights));
}

Encoder::Encoder(const EncoderConfig& config, kernels::Gate gate, std::size_t most_tokens,
                 Weights weights)
    : config_(config),
      gate_(gate),
      weights_(std::move(weights)),
      words_(weights_.tensor(parameter::kWords)),
      positions_(weights_.tensor(parameter::kPositions)),
      token_type_(weights_.tensor(parameter::kTokenTypes)),
      embedding_norm_(norm(std::string(parameter::kEmbeddingNorm))),
      final_norm_(norm(std::string(parameter::kFinalNorm))) {
  if (token_type_.defined()) token_type_ = token_type_.select(0, 0);  // texts are first segments
  for (std::int64_t i = 0; i < config_.layers; ++i) layers_.push_back(layer(i));
  row_multiple_ = row_multiple(layers_, words_.scalar_type());
  const std::size_t head_size = count(config_.head_size());
  if (config_.places == Places::kAlibi) slopes_ = alibi_slopes(count(config_.heads));
  if (config_.places == Places::kRotary)
    turns_ = rotary_turns(most_tokens, head_size, config_.rotary_base);
  if (config_.places == Places::kRotary && config_.window > 0)
    local_turns_ = rotary_turns(most_tokens, head_size, config_.local_rotary_base);
}

EncoderLayer Encoder::layer(std::int64_t index) const {
  const std::string prefix = std::to_string(index) + ".";
  const auto named = [&](std::string_view name) { return prefix + std::string(name); };
  return {.query_key_value = linear(named(parameter::kQueryKeyValue)),
          .query_norm = norm(named(parameter::kQueryNorm)),
          .key_norm = norm(named(parameter::kKeyNorm)),
          .attention_output = linear(named(parameter::kAttentionOutput)),
          .attention_norm = norm(named(parameter::kAttentionNorm)),
          .second_norm = norm(named(parameter::kSecondNorm)),
          .wide = linear(named(parameter::kWide)),
          .narrow = linear(named(parameter::kNarrow)),
          .output_norm = norm(named(parameter::kOutputNorm)),
          .is_local = config_.is_local(index)};
}

Linear Encoder::linear(const std::string& name) const {
  Linear linear{weights_.tensor(name + ".weight"), weights_.tensor(name + ".packed"),
                weights_.tensor(name + ".bias")};
  if (linear.packed.defined() && !linear.bias.defined())
    linear.bias = at::zeros({linear.packed.size(0)}, at::kFloat);
  return linear;
}

LayerNorm Encoder::norm(const std::string& name) const {
  LayerNorm norm{weights_.tensor(name + ".weight"), weights_.tensor(name + ".bias")};
  if (norm.weight.defined() && !norm.bias.defined()) norm.bias = at::zeros_like(norm.weight);
  return norm;
}

at::Tensor Encoder::encode(const TokenBatch& batch) const {
  at::Tensor hidden = embed(batch);
  for (const EncoderLayer& layer : layers_)
    if (config_.is_pre_norm)
      run_pre_norm_layer(layer, hidden, batch);
    else
      run_layer(layer, hidden, batch);
  if (final_norm_.weight.defined()) add_and_norm(hidden, {}, final_norm_);
  return hidden.narrow(0, 0, static_cast<std::int64_t>(batch.ids.size())).to(at::kFloat);
}

/// Behind the batch's tokens stand others, up to a full row count: what becomes of them is not
/// read.
at::Tensor Encoder::embed(const TokenBatch& batch) const {
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  const std::int64_t rows = (tokens + row_multiple_ - 1) / row_multiple_ * row_multiple_;
  at::Tensor ids = at::zeros({rows}, at::kInt);
  std::copy(batch.ids.begin(), batch.ids.end(), ids.mutable_data_ptr<std::int32_t>());
  at::Tensor hidden = at::index_select(words_, 0, ids);
  if (token_type_.defined()) hidden.add_(token_type_);
  at::Tensor places;
  if (positions_.defined()) {
    places = at::zeros({rows}, at::kInt);
    auto* place = places.mutable_data_ptr<std::int32_t>();
    const auto first = static_cast<std::int32_t>(config_.first_position);
    const std::int32_t* id = batch.ids.data();
    for (const std::size_t length : batch.lengths) {
      std::int32_t next = first;
      // Where places begin behind that of the token for padding, such a token takes up none.
      for (std::size_t i = 0; i < length; ++i) *place++ = *id++ == first - 1 ? first - 1 : next++;
    }
    places = at::index_select(positions_, 0, places);
  }
  // The residual of a pre-norm encoder grows from layer to layer: bf16 would lose what is added.
  if (config_.is_pre_norm) hidden = hidden.to(at::kFloat);
  add_and_norm(hidden, places, embedding_norm_);
  return hidden;
}

void Encoder::run_layer(const EncoderLayer& layer, at::Tensor& hidden,
                        const TokenBatch& batch) const {
  const at::Tensor residual = layer.second_norm.weight.defined() ? hidden.clone() : at::Tensor();
  add_and_norm(hidden, apply(layer.attention_output, attend(layer, hidden, batch)),
               layer.attention_norm);
  if (residual.defined()) add_and_norm(hidden, residual, layer.second_norm);
  for (std::int64_t start = 0; start < hidden.size(0); start += kBlockRows) {
    const at::Tensor block = hidden.narrow(0, start, std::min(kBlockRows, hidden.size(0) - start));
    add_and_norm(block, apply(layer.narrow, widen(layer, block)), layer.output_norm);
  }
}

void Encoder::run_pre_norm_layer(const EncoderLayer& layer, at::Tensor& hidden,
                                 const TokenBatch& batch) const {
  const at::ScalarType precision = words_.scalar_type();
  const auto normed = [&](const at::Tensor& rows, const LayerNorm& norm) {
    if (!norm.weight.defined()) return rows.to(precision);
    const at::Tensor copy = rows.clone();
    add_and_norm(copy, {}, norm);
    return copy.to(precision);
  };
  hidden.add_(
      apply(layer.attention_output, attend(layer, normed(hidden, layer.attention_norm), batch)));
  for (std::int64_t start = 0; start < hidden.size(0); start += kBlockRows) {
    at::Tensor block = hidden.narrow(0, start, std::min(kBlockRows, hidden.size(0) - start));
    block.add_(apply(layer.narrow, widen(layer, normed(block, layer.output_norm))));
  }
}

/// Every sequence attends to itself alone. The rows behind the batch's tokens become 0.
at::Tensor Encoder::attend(const EncoderLayer& layer, const at::Tensor& hidden,
                           const TokenBatch& batch) const {
  at::Tensor projected = apply(layer.query_key_value, hidden);
  if (layer.query_norm.weight.defined())
    norm_columns(projected, 0, {}, layer.query_norm, config_.layer_norm_epsilon);
  if (layer.key_norm.weight.defined())
    norm_columns(projected, config_.hidden, {}, layer.key_norm, config_.layer_norm_epsilon);
  const std::int64_t rows = projected.size(0);
  const auto tokens = static_cast<std::int64_t>(batch.ids.size());
  at::Tensor out = at::empty({rows, config_.hidden}, projected.options());
  if (rows > tokens) out.narrow(0, tokens, rows - tokens).zero_();
  with_kernel_type(out.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const kernels::Functions<T>& best = kernels::best().of<T>();
    const std::size_t width = count(config_.hidden);
    const std::size_t heads = count(config_.heads);
    const std::size_t head_size = count(config_.head_size());
    const kernels::MatrixView<T> projections = view_of<T>(projected).row_block(0, count(tokens));
    if (config_.places == Places::kRotary)
      best.rotate(projections.column_block(0, 2 * width), batch.lengths, head_size,
                  layer.is_local ? local_turns_.data() : turns_.data());
    best.attend({.query = projections.data,
                 .key = projections.data + width,
                 .value = projections.data + 2 * width,
                 .row = projections.stride,
                 .heads = heads,
                 .head_size = head_size,
                 .slopes = slopes_.empty() ? nullptr : slopes_.data(),
                 .window = layer.is_local ? count(config_.window) : 0},
                batch.lengths, values_of<T>(out));
  });
  return out;
}

/// What the activation makes of the wide states, gated where there is a gate.
at::Tensor Encoder::widen(const EncoderLayer& layer, const at::Tensor& hidden) const {
  const Linear& linear = layer.wide;
  if (linear.packed.defined())
    return apply_packed(linear, hidden, config_.activation, config_.has_gate);
  if (!config_.has_gate && hidden.scalar_type() == at::kFloat)
    return apply_linear_gelu(hidden, linear.weight, linear.bias);
  at::Tensor wide = apply(linear, hidden);
  if (!config_.has_gate) {
    kernels::best().gelu({values_of<kernels::Bf16>(wide), count(wide.numel())});
    return wide;
  }
  at::Tensor out = at::empty({wide.size(0), config_.intermediate}, wide.options());
  with_kernel_type(out.scalar_type(), [&](auto type) {
    using T = decltype(type);
    kernels::best().of<T>().gate(view_of<T>(std::as_const(wide)), config_.activation, gate_,
                                 values_of<T>(out));
  });
  return out;
}

/// hidden = LayerNorm(hidden + added), in place; nothing is added where `added` is undefined.
void Encoder::add_and_norm(at::Tensor hidden, const at::Tensor& added,
                           const LayerNorm& norm) const {
  norm_columns(hidden, 0, added, norm, config_.layer_norm_epsilon);
}

}  // namespace forkdex
