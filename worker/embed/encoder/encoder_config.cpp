#include "worker/embed/encoder/encoder_config.h"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/model/family.h"
#include "common/model/model_json.h"
#include "worker/embed/encoder/families.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void read_sizes(const json& config, const fs::path& file, const ModelFamily& family,
                EncoderConfig& shape) {
  const auto size = [&](const ConfigKey& key) {
    return encoder_size(config, key.in(config), file);
  };
  shape.layers = size(family.layers);
  shape.heads = size(family.heads);
  shape.hidden = size(family.hidden);
  shape.vocabulary = size(family.vocabulary);
  const TextPositions positions = family.read_positions(config, file);
  shape.first_position = positions.first;
  shape.positions = positions.count;
}

/// What kernels can't compute.
void check(const EncoderConfig& shape, const fs::path& file) {
  if (shape.hidden % shape.heads != 0)
    throw Unusable{"hidden_size is not a multiple of num_attention_heads", file};
  const std::int64_t unit = shape.places == EncoderConfig::Places::kRotary ? 32 : 16;
  if (shape.head_size() % unit != 0)
    throw Unusable{fmt::format("a head size of {} is not supported", shape.head_size()), file};
  if (shape.intermediate % 16 != 0)
    throw Unusable{fmt::format("an intermediate size of {} is not supported", shape.intermediate),
                   file};
}

EncoderConfig read_config(const json& config, const fs::path& file) {
  const std::string type = config.value("model_type", "");
  const ModelFamily* family = find_family(type);
  EncoderConfig shape;
  shape.family = family ? find_encoder_family(family->name) : nullptr;
  if (!shape.family) refuse("model_type", type, file);
  read_sizes(config, file, *family, shape);
  shape.family->read(config, file, shape);
  check(shape, file);
  return shape;
}

}  // namespace

Result<EncoderConfig> EncoderConfig::read(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  const auto unusable = [&](std::string_view why) {
    return Error{ErrorCode::kModelUnusable, fmt::format("this model can't be used: {}", why),
                 file.string()};
  };
  try {
    return read_config(read_required_json(file), file);
  } catch (const Unusable& refused) {
    return unusable(refused.sentence);
  } catch (const json::exception& malformed) {
    return unusable(malformed.what());
  }
}

std::int64_t encoder_size(const json& config, const char* key, const fs::path& file,
                          std::uint64_t least) {
  const std::string_view complaint =
      config.contains(key) ? "is impossible" : "is missing or impossible";
  return static_cast<std::int64_t>(
      whole_number(config, key, {least, kLargestSize, complaint}, file));
}

}  // namespace forkdex
