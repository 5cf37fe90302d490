#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "worker/embed/tokenizer/bert_normalizer.h"
#include "worker/embed/tokenizer/charsmap.h"
#include "worker/embed/tokenizer/json_part.h"
#include "worker/embed/tokenizer/normal_form.h"
#include "worker/embed/tokenizer/normalizer.h"
#include "worker/embed/tokenizer/tokenizer_sections.h"

namespace forkdex {
namespace {

using nlohmann::json;

std::unique_ptr<Normalizer> read_bert(JsonPart& part) {
  BertNormalizer::Steps steps;
  steps.clean_text = part.get("clean_text", true);
  steps.space_chinese = part.get("handle_chinese_chars", true);
  steps.lowercase = part.get("lowercase", true);
  steps.strip_accents = part.get("strip_accents", steps.lowercase);
  return std::make_unique<BertNormalizer>(steps);
}

std::unique_ptr<Normalizer> read_replace(JsonPart& part) {
  const std::string content = checked_token(part["content"].get<std::string>());
  const json& pattern = part["pattern"];
  if (const json& regex = member(pattern, "Regex"); !regex.is_null()) {
    if (regex != " {2,}") throw Unsupported{fmt::format("{} of {}", regex.dump(), part.name())};
    return std::make_unique<ReplaceSpacesNormalizer>(content);
  }
  const std::string text = checked_token(member(pattern, "String").get<std::string>());
  if (text.empty()) throw Unsupported{fmt::format("an empty pattern of {}", part.name())};
  return std::make_unique<ReplaceNormalizer>(text, content);
}

// Throws Unsupported.
std::string from_base64(const std::string& text) {
  constexpr std::size_t kLongest = std::size_t{1} << 30;  // what the decoder counts in an int
  if (text.size() > kLongest || text.size() % 4 != 0)
    throw Unsupported{"a precompiled_charsmap that is not base64"};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0 || static_cast<std::size_t>(size) != bytes.size())
    throw Unsupported{"a precompiled_charsmap that is not base64"};
  const std::size_t padding = text.size() - std::min(text.find('='), text.size());
  bytes.resize(bytes.size() - std::min(padding, bytes.size()));
  return bytes;
}

std::unique_ptr<Normalizer> read_charsmap(JsonPart& part) {
  std::unique_ptr<Normalizer> normalizer =
      CharsmapNormalizer::make(from_base64(part["precompiled_charsmap"].get<std::string>()));
  if (!normalizer) throw Unsupported{"this precompiled_charsmap"};
  return normalizer;
}

std::unique_ptr<Normalizer> read_sequence(JsonPart& part) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const json& step : part["normalizers"]) steps.push_back(read_normalizer(step));
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

std::unique_ptr<Normalizer> normal_form(bool compatibility, bool compose) {
  return std::make_unique<NormalFormNormalizer>(NormalFormNormalizer::Form{compatibility, compose});
}

std::unique_ptr<Normalizer> read_by_type(JsonPart& part) {
  const std::string& type = part.type();
  if (type == "Sequence") return read_sequence(part);
  if (type == "BertNormalizer") return read_bert(part);
  if (type == "NFC") return normal_form(false, true);
  if (type == "NFD") return normal_form(false, false);
  if (type == "NFKC") return normal_form(true, true);
  if (type == "NFKD") return normal_form(true, false);
  if (type == "Lowercase") return std::make_unique<LowercaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripAccentsNormalizer>();
  if (type == "Precompiled") return read_charsmap(part);
  if (type == "Replace") return read_replace(part);
  if (type == "Strip")
    return std::make_unique<StripNormalizer>(part["strip_left"].get<bool>(),
                                             part["strip_right"].get<bool>());
  if (type == "Prepend")
    return std::make_unique<PrependNormalizer>(checked_token(part["prepend"].get<std::string>()));
  throw Unsupported{part.name()};
}

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const json& section) {
  if (section.is_null())
    return std::make_unique<NormalizerSequence>(std::vector<std::unique_ptr<Normalizer>>());
  JsonPart part("normalizer", section);
  std::unique_ptr<Normalizer> normalizer = read_by_type(part);
  part.finish();
  return normalizer;
}

}  // namespace forkdex
