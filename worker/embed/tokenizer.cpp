#include "worker/embed/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/json_depth.h"
#include "worker/embed/added_tokens.h"
#include "worker/embed/bert_normalizer.h"
#include "worker/embed/unicode.h"
#include "worker/embed/wordpiece.h"

namespace forkdex {
namespace {

using nlohmann::json;

// Thrown inside this file only: what tokenizer.json asks for and forkdex does not do.
struct Unsupported {
  std::string what;
};

/// normaliser -> words -> WordPiece, between literal tokens, inside the template's special tokens.
class WordPieceTokenizer final : public Tokenizer {
 public:
  struct Parts {
    BertNormalizer normalizer;
    WordPiece model;
    AddedTokens raw_tokens;         // looked for in the text as it is
    AddedTokens normalized_tokens;  // looked for in the normal form
    std::vector<std::int32_t> before;
    std::vector<std::int32_t> after;
  };
  explicit WordPieceTokenizer(Parts parts) : parts_(std::move(parts)) {}

  std::size_t encode(std::string_view text, std::size_t max_tokens,
                     std::vector<std::int32_t>& ids) const override {
    const std::size_t size_before = ids.size();
    const std::size_t special = parts_.before.size() + parts_.after.size();
    const std::size_t room = max_tokens > special ? max_tokens - special : 0;
    ids.insert(ids.end(), parts_.before.begin(), parts_.before.end());
    append_content(text, ids.size() + room, ids);
    ids.insert(ids.end(), parts_.after.begin(), parts_.after.end());
    return ids.size() - size_before;
  }

  std::size_t count(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    ids.reserve(text.size() / 2);
    append_content(text, std::numeric_limits<std::size_t>::max(), ids);
    return parts_.before.size() + ids.size() + parts_.after.size();
  }

 private:
  void append_content(std::string_view text, std::size_t limit,
                      std::vector<std::int32_t>& ids) const {
    if (!unicode::is_valid_utf8(text)) {
      const std::string valid = unicode::to_valid_utf8(text);
      return append_valid(valid, limit, ids);
    }
    append_valid(text, limit, ids);
  }

  void append_valid(std::string_view text, std::size_t limit,
                    std::vector<std::int32_t>& ids) const {
    std::string normal_form;
    for (const AddedTokens::Piece& raw : parts_.raw_tokens.split(text)) {
      if (ids.size() >= limit) return;
      if (raw.token) {
        ids.push_back(raw.token->id);
        continue;
      }
      normal_form.clear();
      parts_.normalizer.append(raw.text, normal_form);
      for (const AddedTokens::Piece& piece : parts_.normalized_tokens.split(normal_form)) {
        if (ids.size() >= limit) return;
        if (piece.token)
          ids.push_back(piece.token->id);
        else
          parts_.model.append_text(piece.text, limit, ids);
      }
    }
  }

  Parts parts_;
};

// An object's "type", or the text "null".
std::string type_of(const json& object) {
  return object.is_object() ? object.value("type", "none") : object.dump();
}

const json& section(const json& root, const char* name) {
  static const json kNull;
  const auto found = root.find(name);
  return found == root.end() ? kNull : *found;
}

BertNormalizer read_normalizer(const json& root) {
  const json& object = section(root, "normalizer");
  if (type_of(object) != "BertNormalizer")
    throw Unsupported{fmt::format("normalizer {}", type_of(object))};
  BertNormalizer::Steps steps;
  steps.clean_text = object.value("clean_text", true);
  steps.space_chinese = object.value("handle_chinese_chars", true);
  steps.lowercase = object.value("lowercase", true);
  const json& strip = section(object, "strip_accents");
  steps.strip_accents = strip.is_null() ? steps.lowercase : strip.get<bool>();
  return BertNormalizer(steps);
}

void check_pre_tokenizer(const json& root) {
  const std::string type = type_of(section(root, "pre_tokenizer"));
  if (type != "BertPreTokenizer") throw Unsupported{fmt::format("pre_tokenizer {}", type)};
}

WordPiece read_model(const json& root) {
  const json& object = section(root, "model");
  if (type_of(object) != "WordPiece") throw Unsupported{fmt::format("model {}", type_of(object))};
  WordPiece::Rules rules;
  rules.continuation_prefix = object.value("continuing_subword_prefix", rules.continuation_prefix);
  rules.max_word_characters = object.value("max_input_chars_per_word", rules.max_word_characters);
  const json& vocabulary = object.at("vocab");
  rules.unknown_id = vocabulary.at(object.value("unk_token", "[UNK]")).get<std::int32_t>();
  WordPiece::Vocabulary words;
  words.reserve(vocabulary.size());
  for (const auto& [word, id] : vocabulary.items()) words.emplace_back(word, id);
  return WordPiece(std::move(words), std::move(rules));
}

struct AddedTokenSets {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
};

AddedTokenSets read_added_tokens(const json& root, const BertNormalizer& normalizer) {
  AddedTokenSets sets;
  for (const json& object : section(root, "added_tokens")) {
    AddedToken token;
    token.content = object.at("content").get<std::string>();
    token.id = object.at("id").get<std::int32_t>();
    token.lstrip = object.value("lstrip", false);
    token.rstrip = object.value("rstrip", false);
    if (object.value("single_word", false))
      throw Unsupported{fmt::format("single_word of added token {}", token.content)};
    if (!object.value("normalized", false)) {
      sets.raw.push_back(std::move(token));
      continue;
    }
    std::string normal_form;
    normalizer.append(token.content, normal_form);
    token.content = std::move(normal_form);
    sets.normalized.push_back(std::move(token));
  }
  return sets;
}

struct Template {
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> after;
};

Template read_template(const json& processor) {
  Template special;
  bool past_text = false;
  for (const json& item : processor.at("single")) {
    if (!item.is_object() || item.size() != 1) throw Unsupported{"this template"};
    const json& part = item.begin().value();
    if (part.value("type_id", 0) != 0) throw Unsupported{"a type_id other than 0"};
    if (item.contains("Sequence")) {
      past_text = true;
      continue;
    }
    const json& ids = processor.at("special_tokens").at(part.at("id").get<std::string>()).at("ids");
    auto& side = past_text ? special.after : special.before;
    for (const json& id : ids) side.push_back(id.get<std::int32_t>());
  }
  return special;
}

Template read_post_processor(const json& root) {
  const json& object = section(root, "post_processor");
  const std::string type = type_of(object);
  if (type == "TemplateProcessing") return read_template(object);
  if (type == "BertProcessing")
    return {{object.at("cls").at(1).get<std::int32_t>()},
            {object.at("sep").at(1).get<std::int32_t>()}};
  throw Unsupported{fmt::format("post_processor {}", type)};
}

std::unique_ptr<Tokenizer> read_tokenizer(const json& root) {
  BertNormalizer normalizer = read_normalizer(root);
  check_pre_tokenizer(root);
  AddedTokenSets added = read_added_tokens(root, normalizer);
  Template special = read_post_processor(root);
  return std::make_unique<WordPieceTokenizer>(
      WordPieceTokenizer::Parts{normalizer, read_model(root), AddedTokens(std::move(added.raw)),
                                AddedTokens(std::move(added.normalized)), std::move(special.before),
                                std::move(special.after)});
}

Error unusable(const std::filesystem::path& file, std::string_view why) {
  return {ErrorCode::kModelUnusable,
          fmt::format("the tokenizer of this model folder can't be used: {}", why), file.string()};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "tokenizer.json";
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return unusable(file, "tokenizer.json is missing or unreadable");
  try {
    return read_tokenizer(json::parse(stream, check_json_depth));
  } catch (const Unsupported& unsupported) {
    return unusable(file, fmt::format("{} is not supported", unsupported.what));
  } catch (const json::exception& malformed) {
    return unusable(file, fmt::format("tokenizer.json is malformed: {}", malformed.what()));
  }
}

}  // namespace forkdex
