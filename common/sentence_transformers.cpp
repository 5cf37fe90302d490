#include "common/sentence_transformers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/model_json.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void refuse(std::string_view what, const json& value, const fs::path& file) {
  throw Unusable{fmt::format("{} {} is not supported", what, shown(value)), file};
}

/// What `key` has to be where it is given; absent or null it is that anyway.
void require(const json& object, const char* key, const json& wanted, const fs::path& file) {
  const auto given = object.find(key);
  if (given != object.end() && !given->is_null() && *given != wanted) refuse(key, *given, file);
}

/// "sentence_transformers.models.Pooling" -> "Pooling"
std::string module_kind(const json& module) {
  const auto type = module.value("type", std::string());
  if (!type.starts_with("sentence_transformers.")) return type;
  return type.substr(type.rfind('.') + 1);
}

struct PoolingMode {
  const char* flag;  // how it is set to true up to release 5
  const char* name;  // how it is called since
  const char* ours;
};
constexpr std::array<PoolingMode, 3> kPoolingModes = {
    {{"pooling_mode_mean_tokens", "mean", "mean"},
     {"pooling_mode_cls_token", "cls", "cls"},
     {"pooling_mode_lasttoken", "lasttoken", "last"}}};

/// The one of `modes`, which are called by their `member`.
std::string only_mode(const std::vector<std::string>& modes, const char* PoolingMode::* member,
                      const fs::path& file) {
  if (modes.empty()) throw Unusable{"no pooling mode is set", file};
  if (modes.size() > 1)
    throw Unusable{fmt::format("{} together are not supported", fmt::join(modes, " and ")), file};
  const auto known =
      std::find_if(kPoolingModes.begin(), kPoolingModes.end(),
                   [&](const PoolingMode& mode) { return modes[0] == mode.*member; });
  if (known == kPoolingModes.end())
    throw Unusable{fmt::format("pooling mode {} is not supported", modes[0]), file};
  return known->ours;
}

std::string pooling_of(const json& object, const fs::path& file) {
  const auto mode = object.find("pooling_mode");
  if (mode != object.end() && !mode->is_null())
    return only_mode(mode->is_array() ? mode->get<std::vector<std::string>>()
                                      : std::vector{mode->get<std::string>()},
                     &PoolingMode::name, file);
  std::vector<std::string> flags;
  for (const auto& [flag, value] : object.items())
    if (flag.starts_with("pooling_mode_") && value == true) flags.push_back(flag);
  return only_mode(flags, &PoolingMode::flag, file);
}

void read_module(const json& module, const fs::path& folder, SentenceTransformers& read) {
  const fs::path file = folder / "modules.json";
  const std::string kind = module_kind(module);
  const auto path = module.value("path", std::string());
  if (kind == "Pooling") {
    const fs::path config_file = folder / path / "config.json";
    const json config = read_required_json(config_file);
    read.pooling = pooling_of(config, config_file);
    read.pools_prompt = config.value("include_prompt", true);
  } else if (kind == "Normalize") {
    read.normalize = true;
  } else if (kind != "Transformer") {
    throw Unusable{fmt::format("module {} is not supported", kind), file};
  } else if (!path.empty()) {
    throw Unusable{fmt::format("module Transformer in {} is not supported: move what is in there "
                               "up into the model folder, and its path in modules.json to \"\"",
                               path),
                   file};
  }
}

/// A model without modules.json is a plain encoder, unless it was trained for something else: its
/// vectors would mean nothing.
void refuse_other_tasks(const fs::path& folder, const json& config) {
  constexpr std::array<std::string_view, 4> kTasks = {"ForSequenceClassification",
                                                      "ForTokenClassification",
                                                      "ForQuestionAnswering", "ForMultipleChoice"};
  for (const json& architecture : config.value("architectures", json::array()))
    for (const std::string_view task : kTasks)
      if (architecture.is_string() && architecture.get<std::string>().ends_with(task))
        throw Unusable{fmt::format("{} is no model for embeddings: give one that is",
                                   architecture.get<std::string>()),
                       folder / "config.json"};
}

void read_modules(const fs::path& folder, const json& config, SentenceTransformers& read) {
  const fs::path file = folder / "modules.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return refuse_other_tasks(folder, config);
  for (const json& module : read_required_json(file)) read_module(module, folder, read);
}

/// Of the module Transformer. Its file is named by the family it was first written for.
void read_transformer(const fs::path& folder, SentenceTransformers& read) {
  fs::path file = folder / "sentence_bert_config.json";
  std::error_code ignored;
  for (const char* other : {"sentence_roberta_config.json", "sentence_xlm-roberta_config.json"})
    if (!fs::exists(file, ignored)) file = folder / other;
  const json object = read_optional_json(file);
  require(object, "transformer_task", "feature-extraction", file);
  require(object, "module_output_name", "token_embeddings", file);
  const json text = object.value("modality_config", json::object()).value("text", json::object());
  require(text, "method_output_name", "last_hidden_state", file);
  read.lower_case = object.value("do_lower_case", false);
  for (const auto& [source, key] :
       {std::pair{file, "max_seq_length"},
        std::pair{folder / "tokenizer_config.json", "model_max_length"}}) {
    const json holder = read_optional_json(source);
    const auto found = holder.find(key);
    // Some tokenizers spell "no limit" as a float of 30 digits.
    if (found == holder.end() || !found->is_number_unsigned()) continue;
    read.max_tokens = positive(holder, key, source);
    return;
  }
}

void read_prompts(const json& object, const fs::path& file, SentenceTransformers& read) {
  const json prompts = object.value("prompts", json::object());
  const auto by_default = object.find("default_prompt_name");
  const std::string fallback = by_default != object.end() && by_default->is_string()
                                   ? by_default->get<std::string>()
                                   : std::string();
  using Names = std::vector<std::string>;
  const Names of_query = {"query"}, of_document = {"document", "passage", "corpus"};
  const auto has_default = [&](const Names& names) {
    return std::find(names.begin(), names.end(), fallback) != names.end();
  };
  const bool is_for_both = !fallback.empty() && !has_default(of_query) && !has_default(of_document);
  if (is_for_both && !prompts.contains(fallback))
    throw Unusable{fmt::format("default_prompt_name {} is none of the prompts", fallback), file};
  const auto prompt = [&](Names names) {
    if (is_for_both) names.push_back(fallback);
    for (const std::string& name : names)
      if (prompts.contains(name)) return prompts.at(name).get<std::string>();
    return std::string();
  };
  read.query_prompt = prompt(of_query);
  read.document_prompt = prompt(of_document);
}

/// Vectors are compared by the angle between them. Of vectors of length 1 the product and the
/// distance put texts into the same order.
void check_similarity(const json& object, const fs::path& file, const SentenceTransformers& read) {
  const json similarity = object.value("similarity_fn_name", json(nullptr));
  if (similarity.is_null() || similarity == "cosine") return;
  if (similarity != "dot" && similarity != "dot_product" && similarity != "euclidean")
    refuse("similarity", similarity, file);
  if (!read.normalize)
    throw Unusable{fmt::format("similarity {} of vectors that are not normalized is not supported",
                               shown(similarity)),
                   file};
}

}  // namespace

SentenceTransformers SentenceTransformers::read(const fs::path& folder, const json& config) {
  SentenceTransformers read;
  const fs::path file = folder / "config_sentence_transformers.json";
  const json object = read_optional_json(file);
  require(object, "model_type", "SentenceTransformer", file);
  read_modules(folder, config, read);
  read_transformer(folder, read);
  read_prompts(object, file, read);
  check_similarity(object, file, read);
  const auto cut = object.find("truncate_dim");
  if (cut != object.end() && !cut->is_null())
    read.dimensions = positive(object, "truncate_dim", file);
  return read;
}

}  // namespace forkdex
