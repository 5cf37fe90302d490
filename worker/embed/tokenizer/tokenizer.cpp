#include "worker/embed/tokenizer/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/model/json_depth.h"
#include "common/model/model_json.h"
#include "worker/embed/tokenizer/added_tokens.h"
#include "worker/embed/tokenizer/json_part.h"
#include "worker/embed/tokenizer/token_pipeline.h"
#include "worker/embed/tokenizer/tokenizer_sections.h"

namespace forkdex {
namespace {

using nlohmann::json;

// Ids of added tokens as the library gives them that models are used with: the vocabulary's where
// it has the token, else the next behind the vocabulary. What the file says of an id doesn't count.
class AddedTokenIds {
 public:
  explicit AddedTokenIds(const TokenModel& model)
      : model_(model), next_(static_cast<std::int32_t>(model.size())) {}

  std::int32_t take(const std::string& content) {
    if (const auto known = model_.find(content)) return *known;
    const auto [place, added] = added_.emplace(content, next_);
    if (added) ++next_;
    return place->second;
  }

 private:
  const TokenModel& model_;
  std::int32_t next_;
  Vocabulary added_;
};

void read_added_tokens(const json& section, TokenPipeline::Parts& parts) {
  AddedTokenIds ids(*parts.model);
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (const json& object : section) {
    JsonPart part("added token", object);
    AddedToken token;
    token.content = checked_token(object.at("content").get<std::string>());
    static_cast<void>(token_id(object.at("id")));  // malformed without one, though it doesn't count
    token.id = ids.take(token.content);
    parts.largest_id = std::max(parts.largest_id, token.id);
    token.single_word = part.get("single_word", false);
    token.lstrip = part.get("lstrip", false);
    token.rstrip = part.get("rstrip", false);
    const bool in_normal_form = part.get("normalized", false);
    for (const char* option : {"content", "id", "special"}) part.ignore(option);
    part.finish();
    if (!in_normal_form) {
      raw.push_back(std::move(token));
      continue;
    }
    std::string normal_form;
    parts.normalizer->append(token.content, normal_form);
    token.content = checked_token(std::move(normal_form));
    normalized.push_back(std::move(token));
  }
  parts.raw_tokens = AddedTokens(std::move(raw));
  parts.normalized_tokens = AddedTokens(std::move(normalized));
}

// What a post-processor puts before and after a text.
struct SpecialTokens {
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> after;
};

SpecialTokens read_template(JsonPart& part) {
  SpecialTokens special;
  bool past_text = false;
  part.ignore("pair");
  const json& special_tokens = part["special_tokens"];
  for (const json& item : part["single"]) {
    if (!item.is_object() || item.size() != 1) throw Unsupported{"this template"};
    const json& piece = item.begin().value();
    if (piece.value("type_id", json(0)) != 0) throw Unsupported{"a type_id other than 0"};
    if (item.contains("Sequence")) {
      if (past_text) throw Unsupported{"a template with the text twice"};
      past_text = true;
      continue;
    }
    auto& side = past_text ? special.after : special.before;
    for (const json& id : special_tokens.at(piece.at("id").get<std::string>()).at("ids"))
      side.push_back(token_id(id));
  }
  if (!past_text) throw Unsupported{"a template without the text"};
  return special;
}

SpecialTokens read_post_processor(const json& section);

SpecialTokens read_post_processors(JsonPart& part) {
  SpecialTokens all;
  for (const json& processor : part["processors"]) {
    SpecialTokens special = read_post_processor(processor);
    if (special.before.empty() && special.after.empty()) continue;
    if (!all.before.empty() || !all.after.empty())
      throw Unsupported{"a sequence of several templates"};
    all = std::move(special);
  }
  return all;
}

SpecialTokens read_post_processor_by_type(JsonPart& part) {
  const std::string& type = part.type();
  // Both decide only where tokens stand in the text.
  part.ignore("trim_offsets");
  part.ignore("add_prefix_space");
  if (type == "Sequence") return read_post_processors(part);
  if (type == "TemplateProcessing") return read_template(part);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return {{token_id(part["cls"].at(1))}, {token_id(part["sep"].at(1))}};
  if (type == "ByteLevel") {
    part.ignore("use_regex");
    return {};
  }
  throw Unsupported{part.name()};
}

SpecialTokens read_post_processor(const json& section) {
  if (section.is_null()) return {};
  JsonPart part("post_processor", section);
  SpecialTokens special = read_post_processor_by_type(part);
  part.finish();
  return special;
}

std::unique_ptr<Tokenizer> read_tokenizer(const json& root) {
  JsonPart whole("tokenizer.json", root);
  // A text is cut and batched by who encodes it, and ids are never turned back into text.
  for (const char* option : {"version", "truncation", "padding", "decoder"}) whole.ignore(option);
  // Which piece is the first would then depend on what the normalizer dropped before it.
  if (!whole["normalizer"].is_null() && member(whole["pre_tokenizer"], "prepend_scheme") == "first")
    throw Unsupported{"prepend_scheme first behind a normalizer"};
  TokenPipeline::Parts parts;
  parts.normalizer = read_normalizer(whole["normalizer"]);
  parts.pre_tokenizer = read_pre_tokenizer(whole["pre_tokenizer"]);
  parts.model = read_token_model(whole["model"]);
  parts.largest_id = parts.model->largest_id();
  read_added_tokens(whole["added_tokens"], parts);
  SpecialTokens special = read_post_processor(whole["post_processor"]);
  parts.before = std::move(special.before);
  parts.after = std::move(special.after);
  for (const auto* side : {&parts.before, &parts.after})
    for (const std::int32_t id : *side) parts.largest_id = std::max(parts.largest_id, id);
  whole.finish();
  return std::make_unique<TokenPipeline>(std::move(parts));
}

/// Throws Unsupported where tokenizer_config.json says otherwise than tokenizer.json: the library
/// that models are used with makes some tokenizers of the one, some of the other.
void check_config(const json& config, const json& root) {
  if (config.value("truncation_side", json("right")) != "right")
    throw Unsupported{"truncation_side left of tokenizer_config.json"};
  const std::string made_by = shown(config.value("tokenizer_class", json("")));
  if (made_by == "PreTrainedTokenizerFast" || made_by == "TokenizersBackend") return;
  const auto compare = [&](const char* key, const json& section, const char* type,
                           const char* option, bool by_default) {
    const auto said = config.find(key);
    if (said == config.end() || member(section, "type") != type) return;
    const json& here = member(section, option);
    if (*said != (here.is_null() ? json(by_default) : here))
      throw Unsupported{
          fmt::format("{} {} of tokenizer_config.json beside another {} in "
                      "tokenizer.json (let AutoTokenizer save both again)",
                      key, shown(*said), option)};
  };
  const json& normalizer = member(root, "normalizer");
  const bool lowers = member(normalizer, "lowercase") != false;
  compare("do_lower_case", normalizer, "BertNormalizer", "lowercase", true);
  compare("strip_accents", normalizer, "BertNormalizer", "strip_accents", lowers);
  compare("tokenize_chinese_chars", normalizer, "BertNormalizer", "handle_chinese_chars", true);
  compare("add_prefix_space", member(root, "pre_tokenizer"), "ByteLevel", "add_prefix_space", true);
}

/// `normalizer` behind one for lower case.
json lowered(json normalizer) {
  json steps = {{{"type", "Lowercase"}}};
  if (!normalizer.is_null()) steps.push_back(std::move(normalizer));
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

Error unusable(const std::filesystem::path& file, std::string_view why) {
  return {ErrorCode::kModelUnusable,
          fmt::format("the tokenizer of this model folder can't be used: {}", why), file.string()};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const std::filesystem::path& folder,
                                                   bool lower_case) {
  const std::filesystem::path file = folder / "tokenizer.json";
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return unusable(file, "tokenizer.json is missing or unreadable");
  try {
    json root = json::parse(stream, check_json_depth);
    check_config(read_optional_json(folder / "tokenizer_config.json"), root);
    if (lower_case && root.is_object()) root["normalizer"] = lowered(root["normalizer"]);
    return read_tokenizer(root);
  } catch (const Unusable& unreadable) {
    return Error{unreadable.code, unreadable.sentence, unreadable.file.string()};
  } catch (const Unsupported& unsupported) {
    return unusable(file, fmt::format("{} is not supported", unsupported.what));
  } catch (const json::exception& malformed) {
    return unusable(file, fmt::format("tokenizer.json is malformed: {}", malformed.what()));
  }
}

}  // namespace forkdex
