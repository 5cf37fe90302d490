#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "worker/embed/tokenizer/bpe.h"
#include "worker/embed/tokenizer/json_part.h"
#include "worker/embed/tokenizer/tokenizer_sections.h"
#include "worker/embed/tokenizer/unigram.h"
#include "worker/embed/tokenizer/wordpiece.h"

namespace forkdex {
namespace {

using nlohmann::json;

std::unique_ptr<TokenModel> read_wordpiece(JsonPart& part) {
  WordPiece::Rules rules;
  rules.continuation_prefix = part.get("continuing_subword_prefix", rules.continuation_prefix);
  rules.max_word_characters = part.get("max_input_chars_per_word", rules.max_word_characters);
  const json& vocabulary = part["vocab"];
  rules.unknown_id = token_id(vocabulary.at(part.get<std::string>("unk_token", "[UNK]")));
  std::vector<TokenTrie::Entry> words;
  words.reserve(vocabulary.size());
  for (const auto& [word, id] : vocabulary.items())
    words.emplace_back(checked_token(word), token_id(id));
  return std::make_unique<WordPiece>(std::move(words), std::move(rules));
}

Bpe::Merge read_merge(const json& merge) {
  if (merge.is_array() && merge.size() == 2)
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  const auto text = merge.get<std::string>();  // as files had it before 2024
  const std::size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
    throw Unsupported{fmt::format("merge {}", merge.dump())};
  return {text.substr(0, space), text.substr(space + 1)};
}

std::unique_ptr<TokenModel> read_bpe(JsonPart& part) {
  part.expect("continuing_subword_prefix", "");
  part.expect("end_of_word_suffix", "");
  part.expect("dropout", 0.0);
  Bpe::Definition definition;
  for (const auto& [token, id] : part["vocab"].items())
    definition.vocabulary.emplace(token, token_id(id));
  for (const json& merge : part["merges"]) definition.merges.push_back(read_merge(merge));
  if (const json& unknown = part["unk_token"]; !unknown.is_null())
    definition.unknown = unknown.get<std::string>();
  definition.fuse_unknown = part.get("fuse_unk", false);
  definition.byte_fallback = part.get("byte_fallback", false);
  definition.ignore_merges = part.get("ignore_merges", false);
  std::unique_ptr<TokenModel> model = Bpe::make(std::move(definition));
  if (!model) throw Unsupported{"a merge or unk_token outside the vocabulary"};
  return model;
}

// A score as the library reads it that models are used with: all digits as one integer, rounded,
// then multiplied or divided by a power of ten and rounded again. The last bit of a score decides
// between ways to cut that are worth the same.
double twice_rounded(double score) {
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, std::abs(score), std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  bool past_point = false;
  for (const char* at = text; at < end; ++at) {
    if (*at == '.') {
      past_point = true;
    } else if (*at == 'e') {
      const char* number = at + (at[1] == '+' ? 2 : 1);
      int power = 0;
      std::from_chars(number, end, power);
      exponent += power;
      break;
    } else {
      digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
      if (past_point) --exponent;
    }
  }
  const auto significand = static_cast<double>(digits);
  const double power = std::pow(10.0, std::abs(exponent));
  return std::copysign(exponent < 0 ? significand / power : significand * power, score);
}

std::unique_ptr<TokenModel> read_unigram(JsonPart& part) {
  std::vector<Unigram::Scored> vocabulary;
  for (const json& entry : part["vocab"])
    vocabulary.push_back(
        {checked_token(entry.at(0).get<std::string>()), twice_rounded(entry.at(1).get<double>())});
  const json& unknown = part["unk_id"];
  if (unknown.is_null()) throw Unsupported{"a Unigram model without unk_id"};
  const std::int32_t unknown_id = token_id(unknown);
  if (static_cast<std::size_t>(unknown_id) >= vocabulary.size())
    throw Unsupported{"an unk_id outside the vocabulary"};
  return std::make_unique<Unigram>(std::move(vocabulary), unknown_id,
                                   part.get("byte_fallback", false));
}

// Files from before 2021 do not say which model theirs is.
std::string type_of(const json& section, const JsonPart& part) {
  if (!part.type().empty()) return part.type();
  if (section.contains("merges")) return "BPE";
  if (section.contains("max_input_chars_per_word")) return "WordPiece";
  if (section.contains("unk_id")) return "Unigram";
  throw Unsupported{part.name()};
}

}  // namespace

std::unique_ptr<TokenModel> read_token_model(const json& section) {
  JsonPart part("model", section);
  const std::string type = type_of(section, part);
  std::unique_ptr<TokenModel> model;
  if (type == "WordPiece")
    model = read_wordpiece(part);
  else if (type == "BPE")
    model = read_bpe(part);
  else if (type == "Unigram")
    model = read_unigram(part);
  else
    throw Unsupported{part.name()};
  part.finish();
  return model;
}

}  // namespace forkdex
