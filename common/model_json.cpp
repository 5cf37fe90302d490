#include "common/model_json.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "common/json_depth.h"

namespace forkdex {

namespace fs = std::filesystem;
using nlohmann::json;

json read_optional_json(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return json::object();
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  json root = json::parse(text, check_json_depth, /*allow_exceptions=*/false);
  if (root.is_discarded()) throw Unusable{"this file of the model folder is not JSON", file};
  return root;
}

json read_required_json(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    throw Unusable{fmt::format("the model folder has no {}", file.filename().string()), file};
  return read_optional_json(file);
}

std::size_t positive(const json& object, const char* key, const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() || found->get<std::size_t>() == 0)
    throw Unusable{fmt::format("{} of the model folder's configuration is not a number", key),
                   file};
  return found->get<std::size_t>();
}

std::string shown(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace forkdex
