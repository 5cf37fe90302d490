#include "worker/embed/tokenizer/json_part.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace forkdex {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

JsonPart::JsonPart(std::string section, const json& object)
    : section_(std::move(section)), object_(object) {
  if (!object.is_object()) throw Unsupported{fmt::format("{} {}", section_, object.type_name())};
  type_ = object.value("type", "");
  ignore("type");
}

std::string JsonPart::name() const { return type_.empty() ? section_ : section_ + " " + type_; }

const json& JsonPart::operator[](const char* option) {
  known_.insert(option);
  return member(object_, option);
}

void JsonPart::expect(const char* option, const json& value) {
  const json& given = (*this)[option];
  if (!given.is_null() && given != value) refuse(option, given);
}

void JsonPart::refuse(const char* option, const json& value) const {
  throw Unsupported{fmt::format("{} {} of {}", option, value.dump(), name())};
}

void JsonPart::finish() const {
  for (const auto& [option, value] : object_.items())
    if (!known_.contains(option)) throw Unsupported{fmt::format("option {} of {}", option, name())};
}

std::int32_t token_id(const json& value) {
  if (!value.is_number_integer() || value < 0 || value > std::numeric_limits<std::int32_t>::max())
    throw Unsupported{fmt::format("token id {}", value.dump())};
  return value.get<std::int32_t>();
}

std::string checked_token(std::string token) {
  if (token.size() > kLongestToken)
    throw Unsupported{fmt::format("a token of more than {} bytes", kLongestToken)};
  return token;
}

}  // namespace forkdex
