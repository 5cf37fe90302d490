#include "common/model/model_json.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "common/model/json_depth.h"

namespace forkdex {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// As deep as the parser lets JSON be.
void drop_nulls(json& value) {
  if (!value.is_structured()) return;
  if (value.is_object())
    for (auto member = value.begin(); member != value.end();)
      member = member->is_null() ? value.erase(member) : std::next(member);
  for (json& inner : value) drop_nulls(inner);
}

}  // namespace

std::optional<std::string> read_text(const fs::path& file) {
  std::error_code failed;
  const fs::file_status status = fs::status(file, failed);
  if (status.type() == fs::file_type::not_found) return std::nullopt;
  std::ifstream stream;
  if (fs::is_regular_file(status)) stream.open(file, std::ios::binary);
  if (!stream.is_open()) throw Unusable{"this file of the model folder can't be read", file};
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

json read_optional_json(const fs::path& file) {
  const std::optional<std::string> text = read_text(file);
  if (!text) return json::object();
  try {
    json root = json::parse(*text, check_json_depth, /*allow_exceptions=*/false);
    drop_nulls(root);
    if (root.is_object() || root.is_array()) return root;
  } catch (const JsonTooDeep& too_deep) {
    throw Unusable{fmt::format("this file of the model folder can't be read: {}", too_deep.what()),
                   file};
  }
  throw Unusable{"this file of the model folder is not JSON", file};
}

json read_required_json(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    throw Unusable{fmt::format("the model folder has no {}", file.filename().string()), file};
  return read_optional_json(file);
}

void Bounds::refuse(std::string_view key, const fs::path& file) const {
  throw Unusable{fmt::format("{} {}", key, complaint), file};
}

std::uint64_t whole_number(const json& object, const char* key, const Bounds& bounds,
                           const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) bounds.refuse(key, file);
  if (!found->is_number_unsigned() && found->get<std::int64_t>() < 0) bounds.refuse(key, file);
  const auto number = found->get<std::uint64_t>();
  if (number < bounds.least || number > bounds.most) bounds.refuse(key, file);
  return number;
}

void require(const json& object, const char* key, const json& wanted, const fs::path& file) {
  const auto given = object.find(key);
  if (given != object.end() && *given != wanted) refuse(key, *given, file);
}

void require_absent(const json& object, const char* key, const fs::path& file) {
  if (const auto given = object.find(key); given != object.end()) refuse(key, *given, file);
}

void refuse(std::string_view what, const json& value, const fs::path& file) {
  throw Unusable{fmt::format("{} {} is not supported", what, shown(value)), file};
}

std::string shown(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace forkdex
