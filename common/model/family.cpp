#include "common/model/family.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "common/model/model_json.h"

namespace forkdex {
namespace {

using nlohmann::json;

constexpr std::array kFamilies = {
    ModelFamily{.name = "bert", .types = {"bert"}},  // and JinaBERT v2
    ModelFamily{
        .name = "roberta", .types = {"roberta", "xlm-roberta"}, .starts_after_padding = true},
    ModelFamily{.name = "nomic_bert", .types = {"nomic_bert"}},
    ModelFamily{.name = "modernbert", .types = {"modernbert"}},
};

}  // namespace

const char* ConfigKey::in(const json& config) const {
  if (!other || !config.contains(other)) return usual;
  return other_wins || !config.contains(usual) ? other : usual;
}

TextPositions ModelFamily::read_positions(const json& config,
                                          const std::filesystem::path& file) const {
  constexpr const char* kPadding = "pad_token_id";
  constexpr std::int64_t kUsualPadding = 1;
  const Bounds bounds = {1, kLargestSize, "of the model's configuration is missing or impossible"};
  const char* key = positions.in(config);
  TextPositions read;
  read.count = static_cast<std::int64_t>(whole_number(config, key, bounds, file));
  if (!starts_after_padding) return read;
  const std::int64_t padding =
      config.contains(kPadding)
          ? static_cast<std::int64_t>(whole_number(config, kPadding, bounds.from(0), file))
          : kUsualPadding;
  read.first = padding + 1;
  read.count -= read.first;
  if (read.count < 1) bounds.refuse(key, file);
  return read;
}

std::span<const ModelFamily> model_families() { return kFamilies; }

const ModelFamily* find_family(std::string_view type) {
  for (const ModelFamily& family : kFamilies)
    if (!type.empty() &&
        std::find(family.types.begin(), family.types.end(), type) != family.types.end())
      return &family;
  return nullptr;
}

std::vector<std::string_view> model_types() {
  std::vector<std::string_view> all;
  for (const ModelFamily& family : kFamilies)
    std::copy_if(family.types.begin(), family.types.end(), std::back_inserter(all),
                 [](std::string_view type) { return !type.empty(); });
  return all;
}

}  // namespace forkdex
