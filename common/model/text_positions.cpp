#include "common/model/text_positions.h"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace forkdex {
namespace {

using nlohmann::json;

constexpr std::int64_t kMost = 1 << 24;

bool is_within(const json& value, std::int64_t least) {
  return value.is_number_integer() && value >= least && value <= kMost;
}

}  // namespace

Result<TextPositions> TextPositions::read(const json& config) {
  const auto impossible = [](const char* key) {
    return Error{ErrorCode::kModelUnusable,
                 fmt::format("{} of the model's configuration is missing or impossible", key), ""};
  };
  const char* key = config.contains("n_positions") ? "n_positions" : "max_position_embeddings";
  const auto all = config.find(key);
  if (all == config.end() || !is_within(*all, 1)) return impossible(key);
  TextPositions positions;
  positions.count = all->get<std::int64_t>();
  if (config.value("model_type", std::string()).find("roberta") == std::string::npos)
    return positions;
  // RoBERTa counts from behind the position of the token for padding.
  const json padding = config.value("pad_token_id", json(nullptr));
  if (!padding.is_null() && !is_within(padding, 0)) return impossible("pad_token_id");
  positions.first = padding.is_null() ? 2 : padding.get<std::int64_t>() + 1;
  positions.count -= positions.first;
  if (positions.count < 1) return impossible(key);
  return positions;
}

}  // namespace forkdex
