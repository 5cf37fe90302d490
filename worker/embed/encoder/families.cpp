#include "worker/embed/encoder/families.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/model_json.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Places = EncoderConfig::Places;

/// What is under `key`, or an empty object where nothing is.
json part(const json& config, const char* key) {
  const auto found = config.find(key);
  return found == config.end() ? json::object() : *found;
}

/// The size under `key`, or `when_absent`.
std::int64_t size_or(const json& config, const char* key, std::int64_t when_absent,
                     const fs::path& file) {
  return config.contains(key) ? encoder_size(config, key, file) : when_absent;
}

double base(const json& config, const char* key, double when_absent, const fs::path& file) {
  const auto found = config.find(key);
  if (found == config.end()) return when_absent;
  if (!found->is_number() || !(*found > 1.0)) refuse(key, *found, file);
  return found->get<double>();
}

kernels::Activation activation(const json& config, const char* key, const char* when_absent,
                               const fs::path& file) {
  const json name = config.value(key, json(when_absent));
  if (name == "gelu" || name == "gelu_python") return kernels::Activation::kGelu;
  if (name == "silu") return kernels::Activation::kSilu;
  refuse(key, name, file);
}

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

/// The embeddings of a family that stores them as BERT does; layers are to be added.
ParameterList bert_embeddings(const EncoderConfig& config, const Safetensors& source,
                              bool is_packed, const std::string& norm = "embeddings.LayerNorm") {
  const std::string prefix =
      prefix_of(source, "embeddings.word_embeddings.weight", {"bert.", "roberta.", "nomic_bert."});
  ParameterList list(config, prefix, is_packed,
                     source.find(prefix + "embeddings.LayerNorm.gamma") != nullptr);
  list.table(parameter::kWords, "embeddings.word_embeddings.weight", config.vocabulary);
  if (config.token_types > 0)
    list.table(parameter::kTokenTypes, "embeddings.token_type_embeddings.weight",
               config.token_types);
  if (config.places == Places::kLearned)
    list.table(parameter::kPositions, "embeddings.position_embeddings.weight",
               config.first_position + config.positions);
  list.norm(std::string(parameter::kEmbeddingNorm), norm);
  return list;
}

template <class AddLayer>
FamilyWeights all_layers(const EncoderConfig& config, ParameterList list, AddLayer add_layer) {
  for (std::int64_t layer = 0; layer < config.layers; ++layer) add_layer(config, layer, list);
  return {list.take()};
}

/// JinaBERT v2 calls itself BERT, too: its ALiBi places tell them apart.
void read_bert(const json& config, const fs::path& file, EncoderConfig& shape) {
  shape.intermediate = encoder_size(config, "intermediate_size", file);
  shape.token_types = encoder_size(config, "type_vocab_size", file);
  shape.layer_norm_epsilon = config.value("layer_norm_eps", 1e-12f);
  if (config.value("position_embedding_type", "") == "alibi") {
    if (config.value("feed_forward_type", "") != "geglu")
      refuse("feed_forward_type", config.value("feed_forward_type", json("original")), file);
    shape.places = Places::kAlibi;
    shape.has_gate = true;
    shape.has_wide_bias = false;
  } else {
    require(config, "position_embedding_type", "absolute", file);
    require(config, "feed_forward_type", "original", file);
  }
  if (activation(config, "hidden_act", "gelu", file) != kernels::Activation::kGelu)
    refuse("hidden_act", config.at("hidden_act"), file);
  require(config, "is_decoder", false, file);
}

void read_roberta(const json& config, const fs::path& file, EncoderConfig& shape) {
  read_bert(config, file, shape);
  if (shape.places != Places::kLearned) refuse("position_embedding_type", "alibi", file);
}

void add_bert_attention(const EncoderConfig& config, std::int64_t layer, const std::string& theirs,
                        ParameterList& list) {
  const std::string self = theirs + "attention.self.";
  const std::int64_t hidden = config.hidden;
  list.linear(in_layer(layer, parameter::kQueryKeyValue),
              {self + "query", self + "key", self + "value"}, hidden, hidden, true);
  list.linear(in_layer(layer, parameter::kAttentionOutput), {theirs + "attention.output.dense"},
              hidden, hidden, true);
  list.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "attention.output.LayerNorm");
}

/// BERT, and RoBERTa, which is stored alike.
void add_bert_layer(const EncoderConfig& config, std::int64_t layer, ParameterList& list) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, list);
  list.linear(in_layer(layer, parameter::kWide), {theirs + "intermediate.dense"},
              config.intermediate, config.hidden, true);
  list.linear(in_layer(layer, parameter::kNarrow), {theirs + "output.dense"}, config.hidden,
              config.intermediate, true);
  list.norm(in_layer(layer, parameter::kOutputNorm), theirs + "output.LayerNorm");
}

FamilyWeights roberta_weights(const EncoderConfig& config, const Safetensors& source,
                              bool is_packed) {
  return all_layers(config, bert_embeddings(config, source, is_packed), add_bert_layer);
}

/// JinaBERT v2 as its text models have it.
void add_jina_layer(const EncoderConfig& config, std::int64_t layer, ParameterList& list) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, list);
  list.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.gated_layers"},
              2 * config.intermediate, config.hidden, false, kernels::Gate::kFirst);
  list.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.wo"}, config.hidden,
              config.intermediate, true);
  list.norm(in_layer(layer, parameter::kOutputNorm), theirs + "mlp.layernorm");
}

/// JinaBERT v2 as its code model has it: queries and keys are normalised, and the residual is added
/// and normalised twice around attention.
void add_jina_code_layer(const EncoderConfig& config, std::int64_t layer, ParameterList& list) {
  const std::string theirs = "encoder.layer." + std::to_string(layer) + ".";
  add_bert_attention(config, layer, theirs, list);
  list.norm(in_layer(layer, parameter::kQueryNorm), theirs + "attention.self.layer_norm_q");
  list.norm(in_layer(layer, parameter::kKeyNorm), theirs + "attention.self.layer_norm_k");
  list.norm(in_layer(layer, parameter::kSecondNorm), theirs + "layer_norm_1");
  list.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.up_gated_layer"},
              2 * config.intermediate, config.hidden, false, kernels::Gate::kSecond);
  list.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.down_layer"}, config.hidden,
              config.intermediate, true);
  list.norm(in_layer(layer, parameter::kOutputNorm), theirs + "layer_norm_2");
}

FamilyWeights bert_weights(const EncoderConfig& config, const Safetensors& source, bool is_packed) {
  if (config.places != Places::kAlibi) return roberta_weights(config, source, is_packed);
  ParameterList list = bert_embeddings(config, source, is_packed);
  const std::string gate = "encoder.layer.0.mlp.up_gated_layer.weight";
  if (!source.find(gate) && !source.find("bert." + gate))
    return all_layers(config, std::move(list), add_jina_layer);
  FamilyWeights weights = all_layers(config, std::move(list), add_jina_code_layer);
  weights.gate = kernels::Gate::kSecond;
  return weights;
}

void read_nomic_bert(const json& config, const fs::path& file, EncoderConfig& shape) {
  shape.intermediate = size_or(config, config.contains("n_inner") ? "n_inner" : "intermediate_size",
                               4 * shape.hidden, file);
  shape.token_types = encoder_size(config, "type_vocab_size", file, 0);
  shape.layer_norm_epsilon =
      config.value("layer_norm_epsilon", config.value("layer_norm_eps", 1e-12f));
  shape.places = Places::kRotary;
  const json rope = part(config, "rope_parameters");
  require(rope, "rope_type", "default", file);
  shape.rotary_base = base(config, "rotary_emb_base", base(rope, "rope_theta", 1000, file), file);
  shape.has_gate = true;
  shape.has_attention_bias = shape.has_wide_bias = shape.has_narrow_bias = false;
  shape.centers_cut_vectors = true;
  if (config.contains("activation_function"))
    require(config, "activation_function", "swiglu", file);
  else
    require(config, "hidden_act", "silu", file);
  shape.activation = kernels::Activation::kSilu;
  for (const char* key : {"prenorm", "use_rms_norm", "rotary_emb_interleaved", "qkv_proj_bias",
                          "mlp_fc1_bias", "mlp_fc2_bias", "parallel_block",
                          "parallel_block_tied_norm", "scale_attn_by_inverse_layer_idx", "causal"})
    require(config, key, false, file);
  require(config, "head_dim", shape.hidden / shape.heads, file);
  require(config, "rotary_emb_fraction", 1.0, file);
  require(config, "num_experts", 0, file);
  require(config, "scale_attn_weights", true, file);
  for (const char* key : {"rotary_scaling_factor", "rotary_emb_scale_base", "rope_scaling"})
    require_absent(config, key, file);
}

void add_nomic_layer(const EncoderConfig& config, std::int64_t layer, ParameterList& list) {
  const std::string theirs = "encoder.layers." + std::to_string(layer) + ".";
  list.linear(in_layer(layer, parameter::kQueryKeyValue), {theirs + "attn.Wqkv"}, 3 * config.hidden,
              config.hidden, false);
  list.linear(in_layer(layer, parameter::kAttentionOutput), {theirs + "attn.out_proj"},
              config.hidden, config.hidden, false);
  list.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "norm1");
  // The second of the two gates the first.
  list.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.fc12", theirs + "mlp.fc11"},
              config.intermediate, config.hidden, false, kernels::Gate::kFirst);
  list.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.fc2"}, config.hidden,
              config.intermediate, false);
  list.norm(in_layer(layer, parameter::kOutputNorm), theirs + "norm2");
}

FamilyWeights nomic_bert_weights(const EncoderConfig& config, const Safetensors& source,
                                 bool is_packed) {
  return all_layers(config, bert_embeddings(config, source, is_packed, "emb_ln"), add_nomic_layer);
}

/// Which layers see everything: by a number, or by a list that must repeat itself.
std::int64_t global_every(const json& config, std::int64_t layers, const fs::path& file) {
  const auto types = config.find("layer_types");
  if (types == config.end()) return size_or(config, "global_attn_every_n_layers", 3, file);
  if (!types->is_array() || types->size() != static_cast<std::size_t>(layers))
    refuse("layer_types", *types, file);
  std::int64_t every = 1;
  while (every < layers && types->at(static_cast<std::size_t>(every)) != "full_attention") ++every;
  for (std::int64_t i = 0; i < layers; ++i)
    if (types->at(static_cast<std::size_t>(i)) !=
        (i % every == 0 ? "full_attention" : "sliding_attention"))
      refuse("layer_types", *types, file);
  return every;
}

void read_modernbert(const json& config, const fs::path& file, EncoderConfig& shape) {
  shape.is_pre_norm = true;
  shape.intermediate = encoder_size(config, "intermediate_size", file);
  shape.layer_norm_epsilon = config.value("norm_eps", 1e-5f);
  shape.places = Places::kRotary;
  require_absent(config, "rope_scaling", file);
  const json rope = part(config, "rope_parameters");
  const json global = part(rope, "full_attention");
  const json local = part(rope, "sliding_attention");
  for (const json& parameters : {rope, global, local})
    require(parameters, "rope_type", "default", file);
  shape.rotary_base =
      base(global, "rope_theta", base(config, "global_rope_theta", 160'000, file), file);
  shape.local_rotary_base =
      base(local, "rope_theta", base(config, "local_rope_theta", 10'000, file), file);
  shape.window = size_or(config, "local_attention", 128, file) / 2;
  shape.global_every = global_every(config, shape.layers, file);
  shape.activation = activation(config, "hidden_activation", "gelu", file);
  shape.has_gate = true;
  shape.has_attention_bias = config.value("attention_bias", false);
  shape.has_wide_bias = shape.has_narrow_bias = config.value("mlp_bias", false);
  shape.has_norm_bias = config.value("norm_bias", false);
}

void add_modernbert_layer(const EncoderConfig& config, std::int64_t layer, ParameterList& list) {
  const std::string theirs = "layers." + std::to_string(layer) + ".";
  if (layer > 0) list.norm(in_layer(layer, parameter::kAttentionNorm), theirs + "attn_norm");
  list.linear(in_layer(layer, parameter::kQueryKeyValue), {theirs + "attn.Wqkv"}, 3 * config.hidden,
              config.hidden, config.has_attention_bias);
  list.linear(in_layer(layer, parameter::kAttentionOutput), {theirs + "attn.Wo"}, config.hidden,
              config.hidden, config.has_attention_bias);
  list.norm(in_layer(layer, parameter::kOutputNorm), theirs + "mlp_norm");
  list.linear(in_layer(layer, parameter::kWide), {theirs + "mlp.Wi"}, 2 * config.intermediate,
              config.hidden, config.has_wide_bias, kernels::Gate::kFirst);
  list.linear(in_layer(layer, parameter::kNarrow), {theirs + "mlp.Wo"}, config.hidden,
              config.intermediate, config.has_narrow_bias);
}

FamilyWeights modernbert_weights(const EncoderConfig& config, const Safetensors& source,
                                 bool is_packed) {
  ParameterList list(config, prefix_of(source, "embeddings.tok_embeddings.weight", {"model."}),
                     is_packed);
  list.table(parameter::kWords, "embeddings.tok_embeddings.weight", config.vocabulary);
  list.norm(std::string(parameter::kEmbeddingNorm), "embeddings.norm");
  list.norm(std::string(parameter::kFinalNorm), "final_norm");
  return all_layers(config, std::move(list), add_modernbert_layer);
}

constexpr std::array kFamilies = {
    EncoderFamily{.name = "bert", .read = read_bert, .weights = bert_weights},
    EncoderFamily{.name = "roberta", .read = read_roberta, .weights = roberta_weights},
    EncoderFamily{.name = "nomic_bert", .read = read_nomic_bert, .weights = nomic_bert_weights},
    EncoderFamily{.name = "modernbert", .read = read_modernbert, .weights = modernbert_weights},
};

}  // namespace

const EncoderFamily* find_encoder_family(std::string_view name) {
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                  [&](const EncoderFamily& family) { return family.name == name; });
  return found == kFamilies.end() ? nullptr : &*found;
}

}  // namespace forkdex
