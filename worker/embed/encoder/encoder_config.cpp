#include "worker/embed/encoder/encoder_config.h"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/model/model_json.h"
#include "common/model/text_positions.h"

namespace forkdex {
namespace {

using nlohmann::json;
using Family = EncoderConfig::Family;
using Places = EncoderConfig::Places;

// Thrown inside this file only.
struct Unsupported {
  std::string what;
};

[[noreturn]] void refuse(const char* key, const json& value) {
  throw Unsupported{fmt::format("{} {} is not supported", key, shown(value))};
}

/// What `key` has to be where it is given; absent it is that anyway.
void require(const json& config, const char* key, const json& wanted) {
  const auto given = config.find(key);
  if (given != config.end() && *given != wanted) refuse(key, *given);
}

void require_absent(const json& config, const char* key) {
  if (config.contains(key)) refuse(key, config.at(key));
}

/// What is under `key`, or an empty object where nothing is.
json part(const json& config, const char* key) {
  const auto found = config.find(key);
  return found == config.end() ? json::object() : *found;
}

/// The number under the first of `keys` that is there: models spell the same thing differently.
std::int64_t size(const json& config, std::initializer_list<const char*> keys,
                  std::int64_t least = 1) {
  constexpr std::int64_t kMost = 1 << 24;
  for (const char* key : keys) {
    const auto found = config.find(key);
    if (found == config.end()) continue;
    if (!found->is_number_integer() || *found < least || *found > kMost)
      throw Unsupported{fmt::format("{} is impossible", key)};
    return found->get<std::int64_t>();
  }
  throw Unsupported{fmt::format("{} is missing or impossible", *keys.begin())};
}

double base(const json& config, const char* key, double when_absent) {
  const auto found = config.find(key);
  if (found == config.end()) return when_absent;
  if (!found->is_number() || !(*found > 1.0)) refuse(key, *found);
  return found->get<double>();
}

kernels::Activation activation(const json& config, const char* key, const char* when_absent) {
  const json name = config.value(key, json(when_absent));
  if (name == "gelu" || name == "gelu_python") return kernels::Activation::kGelu;
  if (name == "silu") return kernels::Activation::kSilu;
  refuse(key, name);
}

void read_sizes(const json& config, EncoderConfig& shape) {
  shape.layers = size(config, {"num_hidden_layers", "n_layer"});
  shape.heads = size(config, {"num_attention_heads", "n_head"});
  shape.hidden = size(config, {"n_embd", "hidden_size"});  // as ModelFolder reads it
  shape.vocabulary = size(config, {"vocab_size"});
  const auto positions = TextPositions::read(config);
  if (!positions) throw Unsupported{positions.error().sentence};
  shape.first_position = positions->first;
  shape.positions = positions->count;
}

EncoderConfig read_bert(const json& config) {
  EncoderConfig shape;
  read_sizes(config, shape);
  shape.intermediate = size(config, {"intermediate_size"});
  shape.token_types = size(config, {"type_vocab_size"});
  shape.layer_norm_epsilon = config.value("layer_norm_eps", 1e-12f);
  if (config.value("position_embedding_type", "") == "alibi") {
    if (config.value("feed_forward_type", "") != "geglu")
      refuse("feed_forward_type", config.value("feed_forward_type", json("original")));
    shape.family = Family::kJinaBert;
    shape.places = Places::kAlibi;
    shape.has_gate = true;
    shape.has_wide_bias = false;
  } else {
    require(config, "position_embedding_type", "absolute");
    require(config, "feed_forward_type", "original");
  }
  if (activation(config, "hidden_act", "gelu") != kernels::Activation::kGelu)
    refuse("hidden_act", config.at("hidden_act"));
  require(config, "is_decoder", false);
  return shape;
}

EncoderConfig read_roberta(const json& config) {
  EncoderConfig shape = read_bert(config);
  if (shape.family != Family::kBert) refuse("position_embedding_type", "alibi");
  shape.family = Family::kRoberta;
  return shape;
}

EncoderConfig read_nomic_bert(const json& config) {
  EncoderConfig shape;
  read_sizes(config, shape);
  shape.family = Family::kNomicBert;
  shape.intermediate = config.contains("n_inner")             ? size(config, {"n_inner"})
                       : config.contains("intermediate_size") ? size(config, {"intermediate_size"})
                                                              : 4 * shape.hidden;
  shape.token_types = size(config, {"type_vocab_size"}, 0);
  shape.layer_norm_epsilon =
      config.value("layer_norm_epsilon", config.value("layer_norm_eps", 1e-12f));
  shape.places = Places::kRotary;
  const json rope = part(config, "rope_parameters");
  require(rope, "rope_type", "default");
  shape.rotary_base = base(config, "rotary_emb_base", base(rope, "rope_theta", 1000));
  shape.has_gate = true;
  shape.has_attention_bias = shape.has_wide_bias = shape.has_narrow_bias = false;
  if (config.contains("activation_function"))
    require(config, "activation_function", "swiglu");
  else
    require(config, "hidden_act", "silu");
  shape.activation = kernels::Activation::kSilu;
  for (const char* key : {"prenorm", "use_rms_norm", "rotary_emb_interleaved", "qkv_proj_bias",
                          "mlp_fc1_bias", "mlp_fc2_bias", "parallel_block",
                          "parallel_block_tied_norm", "scale_attn_by_inverse_layer_idx", "causal"})
    require(config, key, false);
  require(config, "head_dim", shape.hidden / shape.heads);
  require(config, "rotary_emb_fraction", 1.0);
  require(config, "num_experts", 0);
  require(config, "scale_attn_weights", true);
  for (const char* key : {"rotary_scaling_factor", "rotary_emb_scale_base", "rope_scaling"})
    require_absent(config, key);
  return shape;
}

/// Which layers see everything: by a number, or by a list that must repeat itself.
std::int64_t global_every(const json& config, std::int64_t layers) {
  const auto types = config.find("layer_types");
  if (types == config.end())
    return config.contains("global_attn_every_n_layers")
               ? size(config, {"global_attn_every_n_layers"})
               : 3;
  if (!types->is_array() || types->size() != static_cast<std::size_t>(layers))
    refuse("layer_types", *types);
  std::int64_t every = 1;
  while (every < layers && types->at(static_cast<std::size_t>(every)) != "full_attention") ++every;
  for (std::int64_t i = 0; i < layers; ++i)
    if (types->at(static_cast<std::size_t>(i)) !=
        (i % every == 0 ? "full_attention" : "sliding_attention"))
      refuse("layer_types", *types);
  return every;
}

EncoderConfig read_modernbert(const json& config) {
  EncoderConfig shape;
  read_sizes(config, shape);
  shape.family = Family::kModernBert;
  shape.intermediate = size(config, {"intermediate_size"});
  shape.layer_norm_epsilon = config.value("norm_eps", 1e-5f);
  shape.places = Places::kRotary;
  require_absent(config, "rope_scaling");
  const json rope = part(config, "rope_parameters");
  const json global = part(rope, "full_attention");
  const json local = part(rope, "sliding_attention");
  for (const json& parameters : {rope, global, local}) require(parameters, "rope_type", "default");
  shape.rotary_base = base(global, "rope_theta", base(config, "global_rope_theta", 160'000));
  shape.local_rotary_base = base(local, "rope_theta", base(config, "local_rope_theta", 10'000));
  shape.window = config.contains("local_attention") ? size(config, {"local_attention"}) / 2 : 64;
  shape.global_every = global_every(config, shape.layers);
  shape.activation = activation(config, "hidden_activation", "gelu");
  shape.has_gate = true;
  shape.has_attention_bias = config.value("attention_bias", false);
  shape.has_wide_bias = shape.has_narrow_bias = config.value("mlp_bias", false);
  shape.has_norm_bias = config.value("norm_bias", false);
  return shape;
}

EncoderConfig read_config(const json& config) {
  const std::string type = config.value("model_type", "");
  EncoderConfig shape;
  if (type == "bert")
    shape = read_bert(config);
  else if (type == "roberta" || type == "xlm-roberta")
    shape = read_roberta(config);
  else if (type == "nomic_bert")
    shape = read_nomic_bert(config);
  else if (type == "modernbert")
    shape = read_modernbert(config);
  else
    refuse("model_type", type);
  if (shape.hidden % shape.heads != 0)
    throw Unsupported{"hidden_size is not a multiple of num_attention_heads"};
  const std::int64_t unit = shape.places == Places::kRotary ? 32 : 16;
  if (shape.head_size() % unit != 0)
    throw Unsupported{fmt::format("a head size of {} is not supported", shape.head_size())};
  if (shape.intermediate % 16 != 0)
    throw Unsupported{
        fmt::format("an intermediate size of {} is not supported", shape.intermediate)};
  return shape;
}

}  // namespace

Result<EncoderConfig> EncoderConfig::read(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  const auto unusable = [&](std::string_view why) {
    return Error{ErrorCode::kModelUnusable, fmt::format("this model can't be used: {}", why),
                 file.string()};
  };
  try {
    return read_config(read_required_json(file));
  } catch (const Unusable& unreadable) {
    return unusable(unreadable.sentence);
  } catch (const Unsupported& unsupported) {
    return unusable(unsupported.what);
  } catch (const json::exception& malformed) {
    return unusable(malformed.what());
  }
}

}  // namespace forkdex
