#include "worker/embed/encoder/families.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

namespace forkdex {
namespace {

using Family = EncoderConfig::Family;
using Names = std::vector<std::string>;

/// Collects parameters; knows the sizes.
class Collector {
 public:
  Collector(const EncoderConfig& config, std::string prefix, bool is_packed,
            bool has_old_norms = false)
      : config_(config),
        prefix_(std::move(prefix)),
        is_packed_(is_packed),
        has_old_norms_(has_old_norms) {}

  void table(std::string_view name, const std::string& tensor, std::int64_t rows) {
    add(std::string(name), {tensor}, {rows, config_.hidden});
  }

  void norm(const std::string& name, const std::string& tensor) {
    const auto part = [&](const char* now, const char* once) {
      return Names{tensor + (has_old_norms_ ? once : now)};
    };
    add(name + ".weight", part(".weight", ".gamma"), {config_.hidden}, Parameter::Form::kFp32);
    if (config_.has_norm_bias)
      add(name + ".bias", part(".bias", ".beta"), {config_.hidden}, Parameter::Form::kFp32);
  }

  /// `tensors` side by side; `outputs` of each. `gate` where they are two halves, one of which
  /// gates the other.
  void linear(const std::string& name, const Names& tensors, std::int64_t outputs,
              std::int64_t inputs, bool has_bias,
              std::optional<kernels::Gate> gate = std::nullopt) {
    Names weights, biases;
    for (const std::string& tensor : tensors) weights.push_back(tensor + ".weight");
    for (const std::string& tensor : tensors) biases.push_back(tensor + ".bias");
    const auto all_outputs = outputs * static_cast<std::int64_t>(tensors.size());
    constexpr std::int64_t kMultiple = kernels::kPanelPair;
    if (is_packed_ && all_outputs % kMultiple == 0 && inputs % kMultiple == 0) {
      add(name + ".packed", weights, {outputs, inputs}, Parameter::Form::kPacked, gate);
      if (has_bias) add(name + ".bias", biases, {outputs}, Parameter::Form::kFp32, gate);
    } else {
      add(name + ".weight", weights, {outputs, inputs});
      if (has_bias) add(name + ".bias", biases, {outputs});
    }
  }

  std::vector<Parameter> take() { return std::move(all_); }

 private:
  void add(std::string name, Names parts, std::vector<std::int64_t> shape,
           Parameter::Form form = Parameter::Form::kPlain,
           std::optional<kernels::Gate> gate = std::nullopt) {
    for (std::string& part : parts) part = prefix_ + part;
    all_.push_back({std::move(name), std::move(parts), std::move(shape), form, gate});
  }

  const EncoderConfig& config_;
  std::string prefix_;
  bool is_packed_;
  bool has_old_norms_;  // scale and shift are called as in TensorFlow
  std::vector<Parameter> all_;
};

/// The first of `prefixes` under which the file holds `tensor`; the empty one where none does.
std::string prefix_of(const Safetensors& source, const std::string& tensor,
                      std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes)
    if (source.find(prefix + tensor)) return prefix;
  return "";
}

std::string in_layer(std::int64_t layer, std::string_view name) {
  return std::to_string(layer) + "." + std::string(name);
}

void add_embeddings(const EncoderConfig& config, const std::string& norm, Collector& collector) {
  collector.table(parameter::kWords, "embeddings.word_embeddings.weight", config.vocabulary);
  if (config.token_types > 0)
    collector.table(parameter::kTokenTypes, "embeddings.token_type_embeddings.weight",
                    config.token_types);
  if (config.places == EncoderConfig::Places::kLearned)
    collector.table(parameter::kPositions, "embeddings.position_embeddings.weight",
                    config.first_position + config.positions);
  collector.norm(std::string(parameter::kEmbeddingNorm), norm);
}

void add_bert_attention(const EncoderConfig& config, std::int64_t layer, const std::string& theirs,
                        Collector& collector) {
  const std::string self = theirs + "attention.self.";
  const std::int64_t hidden = config.hidden;
  collector.linear(in_layer(layer, parameter::kQueryKeyValue),
                   {self + "query", self + "key", self + "value"}, hidden, hidden, true);
  collector.linear(in_layer(layer, parameter::kAttentionOutput),
                   {theirs + "attention.output.dense"}, hidden, hidden, true);
  collector.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "attention.output.LayerNorm");
}

/// BERT, and RoBERTa, which is stored alike.
void add_bert_layer(const EncoderConfig& config, std::int64_t layer, Collector& collector) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, collector);
  collector.linear(in_layer(layer, parameter::kWide), {theirs + "intermediate.dense"},
                   config.intermediate, config.hidden, true);
  collector.linear(in_layer(layer, parameter::kNarrow), {theirs + "output.dense"}, config.hidden,
                   config.intermediate, true);
  collector.norm(in_layer(layer, parameter::kOutputNorm), theirs + "output.LayerNorm");
}

/// JinaBERT v2 as its text models have it.
void add_jina_layer(const EncoderConfig& config, std::int64_t layer, Collector& collector) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, collector);
  collector.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.gated_layers"},
                   2 * config.intermediate, config.hidden, false, kernels::Gate::kFirst);
  collector.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.wo"}, config.hidden,
                   config.intermediate, true);
  collector.norm(in_layer(layer, parameter::kOutputNorm), theirs + "mlp.layernorm");
}

/// JinaBERT v2 as its code model has it: queries and keys are normalised, and the residual is added
/// and normalised twice around attention.
void add_jina_code_layer(const EncoderConfig& config, std::int64_t layer, Collector& collector) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, collector);
  collector.norm(in_layer(layer, parameter::kQueryNorm), theirs + "attention.self.layer_norm_q");
  collector.norm(in_layer(layer, parameter::kKeyNorm), theirs + "attention.self.layer_norm_k");
  collector.norm(in_layer(layer, parameter::kSecondNorm), theirs + "layer_norm_1");
  collector.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.up_gated_layer"},
                   2 * config.intermediate, config.hidden, false, kernels::Gate::kSecond);
  collector.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.down_layer"}, config.hidden,
                   config.intermediate, true);
  collector.norm(in_layer(layer, parameter::kOutputNorm), theirs + "layer_norm_2");
}

void add_nomic_layer(const EncoderConfig& config, std::int64_t layer, Collector& collector) {
  const std::string theirs = "encoder.layers." + std::to_string(layer) + ".";
  collector.linear(in_layer(layer, parameter::kQueryKeyValue), {theirs + "attn.Wqkv"},
                   3 * config.hidden, config.hidden, false);
  collector.linear(in_layer(layer, parameter::kAttentionOutput), {theirs + "attn.out_proj"},
                   config.hidden, config.hidden, false);
  collector.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "norm1");
  // The second of the two gates the first.
  collector.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.fc12", theirs + "mlp.fc11"},
                   config.intermediate, config.hidden, false, kernels::Gate::kFirst);
  collector.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.fc2"}, config.hidden,
                   config.intermediate, false);
  collector.norm(in_layer(layer, parameter::kOutputNorm), theirs + "norm2");
}

void add_modernbert_layer(const EncoderConfig& config, std::int64_t layer, Collector& collector) {
  const std::string theirs = "layers." + std::to_string(layer) + ".";
  if (layer > 0) collector.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "attn_norm");
  collector.linear(in_layer(layer, parameter::kQueryKeyValue), {theirs + "attn.Wqkv"},
                   3 * config.hidden, config.hidden, config.has_attention_bias);
  collector.linear(in_layer(layer, parameter::kAttentionOutput), {theirs + "attn.Wo"},
                   config.hidden, config.hidden, config.has_attention_bias);
  collector.norm(in_layer(layer, parameter::kOutputNorm), theirs + "mlp_norm");
  collector.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.Wi"}, 2 * config.intermediate,
                   config.hidden, config.has_wide_bias, kernels::Gate::kFirst);
  collector.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.Wo"}, config.hidden,
                   config.intermediate, config.has_narrow_bias);
}

template <class AddLayer>
FamilyWeights all_layers(const EncoderConfig& config, Collector& collector, AddLayer add_layer) {
  for (std::int64_t layer = 0; layer < config.layers; ++layer) add_layer(config, layer, collector);
  return {collector.take()};
}

}  // namespace

FamilyWeights family_weights(const EncoderConfig& config, const Safetensors& source,
                             bool is_packed) {
  if (config.family == Family::kModernBert) {
    Collector collector(config, prefix_of(source, "embeddings.tok_embeddings.weight", {"model."}),
                        is_packed);
    collector.table(parameter::kWords, "embeddings.tok_embeddings.weight", config.vocabulary);
    collector.norm(std::string(parameter::kEmbeddingNorm), "embeddings.norm");
    collector.norm(std::string(parameter::kFinalNorm), "final_norm");
    return all_layers(config, collector, add_modernbert_layer);
  }
  const std::string prefix =
      prefix_of(source, "embeddings.word_embeddings.weight", {"bert.", "roberta.", "nomic_bert."});
  Collector collector(config, prefix, is_packed,
                      source.find(prefix + "embeddings.LayerNorm.gamma") != nullptr);
  add_embeddings(config, config.family == Family::kNomicBert ? "emb_ln" : "embeddings.LayerNorm",
                 collector);
  if (config.family == Family::kNomicBert) return all_layers(config, collector, add_nomic_layer);
  if (config.family != Family::kJinaBert) return all_layers(config, collector, add_bert_layer);
  const std::string gate = "encoder.layer.0.mlp.up_gated_layer.weight";
  if (!source.find(gate) && !source.find("bert." + gate))
    return all_layers(config, collector, add_jina_layer);
  FamilyWeights weights = all_layers(config, collector, add_jina_code_layer);
  weights.gate = kernels::Gate::kSecond;
  return weights;
}

}  // namespace forkdex
