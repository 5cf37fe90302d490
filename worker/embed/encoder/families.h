#pragma once

// What the encoder alone knows of each family (common/model/family.h): how the rest of config.json
// is read, and which tensors of a model's file its parameters are made of.

#include <filesystem>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "worker/embed/encoder/encoder_config.h"
#include "worker/embed/encoder/parameters.h"
#include "worker/embed/encoder/safetensors.h"

namespace forkdex {

struct FamilyWeights {
  std::vector<Parameter> parameters;
  kernels::Gate gate = kernels::Gate::kFirst;  ///< where the encoder has one
};

struct EncoderFamily {
  std::string_view name;  ///< ModelFamily::name

  /// Reads into `shape`, which has the sizes that all families have, what else is in `config`,
  /// which is of `file`. Throws Unusable (common/model/model_json.h), naming what is not supported,
  /// and json::exception.
  void (*read)(const nlohmann::json& config, const std::filesystem::path& file,
               EncoderConfig& shape);

  /// What `source` has to hold for an encoder of this shape; `is_packed` as for ParameterList.
  FamilyWeights (*weights)(const EncoderConfig& config, const Safetensors& source, bool is_packed);
};

/// The encoder's row of the family called `name`, or null.
const EncoderFamily* find_encoder_family(std::string_view name);

}  // namespace forkdex
