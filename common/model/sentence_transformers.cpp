#include "common/model/sentence_transformers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/model/model_json.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// "sentence_transformers.models.Pooling" -> "Pooling"
std::string module_kind(const json& module, const fs::path& file) {
  const auto type = member_or(module, "type", std::string(), file);
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
  using Modes = std::vector<std::string>;
  const auto mode = object.find("pooling_mode");
  if (mode != object.end())
    return only_mode(
        mode->is_array() ? member_or(object, "pooling_mode", Modes(), file) : Modes{shown(*mode)},
        &PoolingMode::name, file);
  Modes flags;
  for (const auto& [flag, value] : object.items())
    if (flag.starts_with("pooling_mode_") && value == true) flags.push_back(flag);
  return only_mode(flags, &PoolingMode::flag, file);
}

/// Modules come in this order; a text's vector is made by the second of them.
enum class Module { kTransformer, kPooling, kNormalize };

Module read_module(const json& module, const fs::path& folder, SentenceTransformers& read) {
  const fs::path file = folder / "modules.json";
  const std::string kind = module_kind(module, file);
  const auto path = member_or(module, "path", std::string(), file);
  if (kind == "Transformer") {
    if (path.empty()) return Module::kTransformer;
    throw Unusable{fmt::format("module Transformer in {} is not supported: move what is in there "
                               "up into the model folder, and its path in modules.json to \"\"",
                               path),
                   file};
  }
  if (kind == "Pooling") {
    const fs::path config_file = folder / path / "config.json";
    const json config = read_required_json(config_file);
    read.pooling = pooling_of(config, config_file);
    read.pools_prompt = member_or(config, "include_prompt", true, config_file);
    return Module::kPooling;
  }
  if (kind != "Normalize") refuse("module", kind, file);
  read.normalize = true;
  return Module::kNormalize;
}

/// A model without modules.json is a plain encoder, unless it was trained for something else: its
/// vectors would mean nothing.
void refuse_other_tasks(const fs::path& folder, const json& config) {
  constexpr std::array<std::string_view, 4> kTasks = {"ForSequenceClassification",
                                                      "ForTokenClassification",
                                                      "ForQuestionAnswering", "ForMultipleChoice"};
  const fs::path file = folder / "config.json";
  using Names = std::vector<std::string>;
  for (const std::string& architecture : member_or(config, "architectures", Names(), file))
    for (const std::string_view task : kTasks)
      if (architecture.ends_with(task))
        throw Unusable{fmt::format("{} is no model for embeddings: give one that is", architecture),
                       file};
}

void read_modules(const fs::path& folder, const json& config, SentenceTransformers& read) {
  const fs::path file = folder / "modules.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return refuse_other_tasks(folder, config);
  std::vector<Module> modules;
  for (const json& module : read_required_json(file))
    modules.push_back(read_module(module, folder, read));
  const std::vector usual = {Module::kTransformer, Module::kPooling, Module::kNormalize};
  if (modules.size() < 2 || modules.size() > 3 ||
      !std::equal(modules.begin(), modules.end(), usual.begin()))
    throw Unusable{
        "only the modules Transformer, Pooling and, last, Normalize are supported, in "
        "this order",
        file};
}

/// The file of the module Transformer, which is named by the family it was first written for.
fs::path transformer_file(const fs::path& folder) {
  constexpr std::array<const char*, 7> kFamilies = {
      "bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"};
  std::error_code ignored;
  for (const char* family : kFamilies)
    if (const auto file = folder / fmt::format("sentence_{}_config.json", family);
        fs::exists(file, ignored))
      return file;
  return folder / "sentence_bert_config.json";
}

/// What the module Transformer says of how it calls model and tokenizer. Some of it decides
/// nothing that a vector depends on; what is not known may.
void check_transformer(const json& object, const fs::path& file) {
  require(object, "transformer_task", "feature-extraction", file);
  require(object, "module_output_name", "token_embeddings", file);
  const json modalities = member_or(object, "modality_config", json::object(), file);
  require(modalities.value("text", json::object()), "method_output_name", "last_hidden_state",
          file);
  constexpr std::array<std::string_view, 8> kRead = {
      "transformer_task", "module_output_name", "modality_config", "do_lower_case",
      "max_seq_length",   "unpad_inputs",       "model_args",      "model_kwargs"};
  for (const auto& [key, value] : object.items()) {
    json decisive = value;
    if (decisive.is_object()) decisive.erase("trust_remote_code");  // there is no such code here
    if (std::find(kRead.begin(), kRead.end(), key) == kRead.end() && !decisive.empty())
      refuse(key, value, file);
  }
}

/// The number of tokens under `key`; none where it is a float, which is how "no limit" is spelled
/// (1e30).
std::optional<std::size_t> limit(const json& object, const char* key, const fs::path& file) {
  if (object.at(key).is_number_float()) return std::nullopt;
  return whole_number(object, key, Bounds(), file);
}

void read_transformer(const fs::path& folder, SentenceTransformers& read) {
  const fs::path file = transformer_file(folder);
  const json object = read_optional_json(file);
  check_transformer(object, file);
  read.lower_case = member_or(object, "do_lower_case", false, file);
  if (object.contains("max_seq_length")) {
    read.max_tokens = limit(object, "max_seq_length", file);
    return;
  }
  const fs::path tokenizer_file = folder / "tokenizer_config.json";
  const json tokenizer = read_optional_json(tokenizer_file);
  for (const char* key : {"model_max_length", "max_len"})
    if (tokenizer.contains(key)) {
      read.max_tokens = limit(tokenizer, key, tokenizer_file);
      return;
    }
}

void read_prompts(const json& object, const fs::path& file, SentenceTransformers& read) {
  const json prompts = member_or(object, "prompts", json::object(), file);
  const auto fallback = member_or(object, "default_prompt_name", std::string(), file);
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
      if (prompts.contains(name)) return member_or(prompts, name.c_str(), std::string(), file);
    return std::string();
  };
  read.query_prompt = prompt(of_query);
  read.document_prompt = prompt(of_document);
}

/// Vectors are compared by the angle between them. Of vectors of length 1 the product and the
/// distance put texts into the same order.
void check_similarity(const json& object, const fs::path& file, const SentenceTransformers& read) {
  const json similarity = object.value("similarity_fn_name", json("cosine"));
  if (similarity == "cosine") return;
  if (similarity != "dot" && similarity != "dot_product" && similarity != "euclidean")
    refuse("similarity", similarity, file);
  if (!read.normalize)
    throw Unusable{fmt::format("similarity {} of vectors that are not normalized is not supported: "
                               "give a model that is made for cosine",
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
  if (object.contains("truncate_dim"))
    read.dimensions = whole_number(object, "truncate_dim", Bounds(), file);
  return read;
}

}  // namespace forkdex
