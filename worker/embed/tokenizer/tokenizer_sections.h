#pragma once

// The sections of tokenizer.json, each to what it describes. All throw Unsupported (json_part.h)
// and json::exception.

#include <memory>

#include <nlohmann/json.hpp>

#include "worker/embed/tokenizer/normalizer.h"
#include "worker/embed/tokenizer/pre_tokenizer.h"
#include "worker/embed/tokenizer/token_model.h"

namespace forkdex {

std::unique_ptr<Normalizer> read_normalizer(const nlohmann::json& section);

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const nlohmann::json& section);

std::unique_ptr<TokenModel> read_token_model(const nlohmann::json& section);

}  // namespace forkdex
