#include "worker/embed/bert_config.h"

#include <fstream>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/json_depth.h"

namespace forkdex {
namespace {

using nlohmann::json;

// Thrown inside this file only.
struct Unsupported {
  std::string what;
};

void require(const json& config, const char* key, const char* wanted, const char* when_absent) {
  const auto given = config.value(key, std::string(when_absent));
  if (given != wanted) throw Unsupported{fmt::format("{} {} is not supported", key, given)};
}

std::int64_t size(const json& config, const char* key) {
  constexpr std::int64_t kMost = 1 << 24;
  const auto found = config.find(key);
  if (found == config.end() || !found->is_number_unsigned() || found->get<std::int64_t>() < 1 ||
      found->get<std::int64_t>() > kMost)
    throw Unsupported{fmt::format("{} is missing or impossible", key)};
  return found->get<std::int64_t>();
}

BertConfig read_config(const json& config) {
  require(config, "model_type", "bert", "");
  require(config, "hidden_act", "gelu", "gelu");
  require(config, "position_embedding_type", "absolute", "absolute");
  BertConfig shape;
  shape.layers = size(config, "num_hidden_layers");
  shape.heads = size(config, "num_attention_heads");
  shape.hidden = size(config, "hidden_size");
  shape.intermediate = size(config, "intermediate_size");
  shape.vocabulary = size(config, "vocab_size");
  shape.positions = size(config, "max_position_embeddings");
  shape.token_types = size(config, "type_vocab_size");
  shape.layer_norm_epsilon = config.value("layer_norm_eps", 1e-12f);
  if (shape.hidden % shape.heads != 0)
    throw Unsupported{"hidden_size is not a multiple of num_attention_heads"};
  if (shape.head_size() % 16 != 0)
    throw Unsupported{fmt::format("a head size of {} is not supported", shape.head_size())};
  return shape;
}

}  // namespace

Result<BertConfig> BertConfig::read(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  const auto unusable = [&](std::string_view why) {
    return Error{ErrorCode::kModelUnusable, fmt::format("this model can't be used: {}", why),
                 file.string()};
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return unusable("config.json is missing or unreadable");
  try {
    return read_config(json::parse(stream, check_json_depth));
  } catch (const Unsupported& unsupported) {
    return unusable(unsupported.what);
  } catch (const json::exception& malformed) {
    return unusable(malformed.what());
  }
}

}  // namespace forkdex
