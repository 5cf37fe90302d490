#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "worker/embed/tokenizer/byte_level.h"
#include "worker/embed/tokenizer/json_part.h"
#include "worker/embed/tokenizer/pre_tokenizer.h"
#include "worker/embed/tokenizer/tokenizer_sections.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

using nlohmann::json;

std::unique_ptr<PreTokenizer> read_byte_level(JsonPart& part) {
  ByteLevel::Rules rules;
  rules.add_prefix_space = part.get("add_prefix_space", true);
  rules.use_pattern = part.get("use_regex", true);
  part.ignore("trim_offsets");
  return std::make_unique<ByteLevel>(rules);
}

Metaspace::Prepend read_prepend(JsonPart& part) {
  // Files from before there was a scheme have the flag alone.
  const bool flag = part.get("add_prefix_space", true);
  const std::string scheme = part.get<std::string>("prepend_scheme", flag ? "always" : "never");
  if (scheme == "never") return Metaspace::Prepend::kNever;
  if (!flag) throw Unsupported{fmt::format("prepend_scheme {} without add_prefix_space", scheme)};
  if (scheme == "always") return Metaspace::Prepend::kAlways;
  if (scheme == "first") return Metaspace::Prepend::kFirst;
  throw Unsupported{fmt::format("prepend_scheme {} of {}", scheme, part.name())};
}

std::unique_ptr<PreTokenizer> read_metaspace(JsonPart& part) {
  Metaspace::Rules rules;
  rules.replacement = part["replacement"].get<std::string>();
  std::string_view rest = rules.replacement;
  if (!rest.empty()) unicode::take_code_point(rest);
  if (rules.replacement.empty() || !rest.empty())
    throw Unsupported{fmt::format("replacement {} of {}", rules.replacement, part.name())};
  part.expect("str_rep", rules.replacement);
  rules.prepend = read_prepend(part);
  rules.split = part.get("split", true);
  return std::make_unique<Metaspace>(std::move(rules));
}

std::unique_ptr<PreTokenizer> read_sequence(JsonPart& part) {
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  for (const json& step : part["pretokenizers"]) {
    if (member(step, "prepend_scheme") == "first")
      throw Unsupported{"prepend_scheme first in a sequence"};
    steps.push_back(read_pre_tokenizer(step));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

std::unique_ptr<PreTokenizer> read_by_type(JsonPart& part) {
  const std::string& type = part.type();
  if (type == "Sequence") return read_sequence(part);
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "ByteLevel") return read_byte_level(part);
  if (type == "Metaspace") return read_metaspace(part);
  throw Unsupported{part.name()};
}

}  // namespace

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const json& section) {
  if (section.is_null())
    return std::make_unique<PreTokenizerSequence>(std::vector<std::unique_ptr<PreTokenizer>>());
  JsonPart part("pre_tokenizer", section);
  std::unique_ptr<PreTokenizer> pre_tokenizer = read_by_type(part);
  part.finish();
  return pre_tokenizer;
}

}  // namespace forkdex
