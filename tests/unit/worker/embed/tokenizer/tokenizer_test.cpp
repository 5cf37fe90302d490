#include "worker/embed/tokenizer/tokenizer.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"
#include "tests/unit/common/model/model_files.h"

namespace forkdex {
namespace {

using Ids = std::vector<std::int32_t>;
using test::TemporaryFolder;
using test::TinyModel;

const Tokenizer& bundled() {
  static const auto kTokenizer = Tokenizer::open(FORKDEX_DEPS_DIR "/model");
  REQUIRE(kTokenizer.ok());
  return **kTokenizer;
}

Ids encode(std::string_view text, std::size_t max_tokens = 256) {
  Ids ids;
  const std::size_t appended = bundled().encode(text, max_tokens, ids);
  CHECK(appended == ids.size());
  return ids;
}

std::string open_error(const TinyModel& model) {
  const TemporaryFolder folder;
  model.write(folder);
  const auto opened = Tokenizer::open(folder.path());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::kModelUnusable);
  return opened.error().text();
}

TEST_CASE("tokenizer: puts a text between [CLS] and [SEP]", "[model]") {
  CHECK(encode("") == Ids{101, 102});
  CHECK(encode("Hello, World!") == Ids{101, 7592, 1010, 2088, 999, 102});
}

TEST_CASE("tokenizer: drops accents and case, and parts Chinese characters", "[model]") {
  CHECK(encode("NAÏVE") == encode("naive"));
  CHECK(encode("naı\u0308ve") != encode("naive"));  // a dotless i is another letter
  CHECK(encode("漢字") == encode("漢 字"));
}

TEST_CASE("tokenizer: texts in lower case are so before its normalizer, where it has one or none") {
  TinyModel model;
  const auto ids = [&](bool lower_case, std::string_view text) {
    const TemporaryFolder folder;
    model.write(folder);
    const auto tokenizer = Tokenizer::open(folder.path(), lower_case);
    REQUIRE(tokenizer.ok());
    CHECK((*tokenizer)->largest_id() == 6);
    Ids found;
    (*tokenizer)->encode(text, 16, found);
    return found;
  };
  SECTION("none") { model.tokenizer["normalizer"] = nullptr; }
  SECTION("one that keeps the case") {
    model.tokenizer["normalizer"] = {{"type", "BertNormalizer"}, {"lowercase", false}};
  }
  CHECK(ids(false, "A b") == Ids{1, 0, 4, 2});
  CHECK(ids(true, "A b") == Ids{1, 3, 4, 2});
}

TEST_CASE("tokenizer: a tokenizer_config.json that says otherwise is refused") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const auto opened = [&](const char* config) {
    folder.write("tokenizer_config.json", config);
    return Tokenizer::open(folder.path());
  };
  CHECK(opened(R"({"do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": true,
                   "add_prefix_space": false, "truncation_side": "right"})")
            .ok());
  for (const char* made_of_tokenizer_json : {"PreTrainedTokenizerFast", "TokenizersBackend"})
    CHECK(
        opened(nlohmann::json{{"do_lower_case", false}, {"tokenizer_class", made_of_tokenizer_json}}
                   .dump()
                   .c_str())
            .ok());
  for (const auto& [config, what] :
       {std::pair{R"({"do_lower_case": false})", "do_lower_case false"},
        std::pair{R"({"strip_accents": false})", "strip_accents false"},
        std::pair{R"({"tokenize_chinese_chars": false})", "tokenize_chinese_chars false"},
        std::pair{R"({"truncation_side": "left"})", "truncation_side left"}}) {
    const auto refused = opened(config);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().text().find(what) != std::string::npos);
  }
}

TEST_CASE("tokenizer: finds literal special tokens as they are spelled", "[model]") {
  CHECK(encode("a[SEP]b") == Ids{101, 1037, 102, 1038, 102});
  CHECK(encode("[sep]") != encode("[SEP]"));
}

TEST_CASE("tokenizer: a word too long or not covered is one unknown token", "[model]") {
  CHECK(encode(std::string(101, 'a')) == Ids{101, 100, 102});
  CHECK(encode(std::string(100, 'a')).size() > 3);
  CHECK(encode("\U0001D4B3") == Ids{101, 100, 102});
}

TEST_CASE("tokenizer: bytes that are not UTF-8 count as U+FFFD", "[model]") {
  CHECK(encode("a\xFF"
               "b") == encode("a\uFFFD"
                              "b"));
  CHECK(encode("a\xE2\x82") == encode("a\uFFFD"));
  CHECK(encode("\xED\xA0\x80x") == encode("x"));  // a surrogate; cleaning drops U+FFFD
}

TEST_CASE("tokenizer: cuts the text and keeps the special tokens", "[model]") {
  const Ids whole = encode("one two three four");
  REQUIRE(whole.size() == 6);
  CHECK(encode("one two three four", 4) == Ids{whole[0], whole[1], whole[2], whole[5]});
  CHECK(encode("one two three four", 2) == Ids{101, 102});
  CHECK(encode("[SEP][SEP][SEP]", 3) == Ids{101, 102, 102});
  CHECK(bundled().count("one two three four") == 6);
}

TEST_CASE("tokenizer: appends to what is there", "[model]") {
  Ids ids = {7};
  CHECK(bundled().encode("one", 256, ids) == 3);
  CHECK(ids.size() == 4);
  CHECK(ids[0] == 7);
}

TEST_CASE("tokenizer: continues a word with the longest known piece") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const auto tokenizer = Tokenizer::open(folder.path());
  REQUIRE(tokenizer.ok());
  Ids ids;
  (*tokenizer)->encode("abb ac ba", 256, ids);
  CHECK(ids == Ids{1, 3, 5, 5, 0, 0, 2});
}

// As the tokenizers library has it: see AddedTokens in its source.
TEST_CASE("tokenizer: an added token has the vocabulary's id, or the next behind it") {
  TinyModel model;
  const auto add = [&](const char* content, int id) {
    model.tokenizer["added_tokens"].push_back({{"content", content}, {"id", id}});
  };
  add("b", 0);     // the vocabulary's is 4
  add("<x>", 90);  // behind the vocabulary's seven
  add("<y>", 7);
  add("<x>", 1);
  const TemporaryFolder folder;
  model.write(folder);
  const auto tokenizer = Tokenizer::open(folder.path());
  REQUIRE(tokenizer.ok());
  Ids ids;
  (*tokenizer)->encode("a b<y><x>", 256, ids);
  CHECK(ids == Ids{1, 3, 4, 8, 7, 2});
}

TEST_CASE("tokenizer: names what it does not support") {
  TinyModel model;
  SECTION("normalizer") {
    model.tokenizer["normalizer"] = {{"type", "Nmt"}};
    CHECK_THAT(open_error(model), Catch::Contains("normalizer Nmt is not supported"));
  }
  SECTION("normalizer in a sequence") {
    model.tokenizer["normalizer"] = {{"type", "Sequence"},
                                     {"normalizers", {{{"type", "NFC"}}, {{"type", "ByteLevel"}}}}};
    CHECK_THAT(open_error(model), Catch::Contains("normalizer ByteLevel is not supported"));
  }
  SECTION("regular expression") {
    model.tokenizer["normalizer"] = {
        {"type", "Replace"}, {"pattern", {{"Regex", "a+"}}}, {"content", ""}};
    CHECK_THAT(open_error(model), Catch::Contains("\"a+\" of normalizer Replace is not supported"));
  }
  SECTION("pre-tokenizer") {
    model.tokenizer["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "a+"}}}};
    CHECK_THAT(open_error(model), Catch::Contains("pre_tokenizer Split is not supported"));
  }
  SECTION("model") {
    model.tokenizer["model"]["type"] = "WordLevel";
    CHECK_THAT(open_error(model), Catch::Contains("model WordLevel is not supported"));
  }
  SECTION("post-processor") {
    model.tokenizer["post_processor"]["type"] = "Other";
    CHECK_THAT(open_error(model), Catch::Contains("post_processor Other is not supported"));
  }
  SECTION("option") {
    model.tokenizer["normalizer"]["upper_case"] = true;
    CHECK_THAT(open_error(model),
               Catch::Contains("option upper_case of normalizer BertNormalizer is not supported"));
  }
  SECTION("option of the whole") {
    model.tokenizer["extra"] = 1;
    CHECK_THAT(open_error(model), Catch::Contains("option extra of tokenizer.json"));
  }
}

TEST_CASE("tokenizer: a number that is none, or that nothing holds, is refused") {
  TinyModel model;
  SECTION("of an option") {
    for (const nlohmann::json& number : {nlohmann::json(1e82), nlohmann::json(-1)}) {
      model.tokenizer["model"]["max_input_chars_per_word"] = number;
      CHECK_THAT(open_error(model), Catch::Contains("max_input_chars_per_word " + number.dump() +
                                                    " of model WordPiece"));
    }
  }
  SECTION("of a token") {
    model.tokenizer["model"]["vocab"]["c"] = 1e82;
    CHECK_THAT(open_error(model), Catch::Contains("token id 1e+82 is not supported"));
  }
  SECTION("of an added token, whose id doesn't count but is there") {
    model.tokenizer["added_tokens"] = {{{"content", "<x>"}}};
    CHECK_THAT(open_error(model), Catch::Contains("key 'id' not found"));
  }
  SECTION("of a template") {
    model.tokenizer["post_processor"] = nlohmann::json::parse(
        R"({"type": "TemplateProcessing", "special_tokens": {},
            "single": [{"Sequence": {"id": "A", "type_id": 1e82}}]})");
    CHECK_THAT(open_error(model), Catch::Contains("a type_id other than 0"));
  }
}

TEST_CASE("tokenizer: a template whose items are none is refused") {
  TinyModel model;
  for (const char* item : {"{}", "[]", "1", R"({"Sequence":{},"SpecialToken":{}})"}) {
    model.tokenizer["post_processor"] = {{"type", "TemplateProcessing"},
                                         {"single", {nlohmann::json::parse(item)}}};
    CHECK_THAT(open_error(model), Catch::Contains("this template is not supported"));
  }
}

TEST_CASE("tokenizer: nesting that no stack has room for is refused") {
  const TemporaryFolder folder;
  const std::string brackets(100'000, '[');
  folder.write("tokenizer.json",
               R"({"normalizer":)" + brackets + std::string(brackets.size(), ']') + "}");
  const auto opened = Tokenizer::open(folder.path());
  REQUIRE_FALSE(opened.ok());
  CHECK_THAT(opened.error().sentence, Catch::Contains("nested too deep"));
}

TEST_CASE("tokenizer: a tokenizer.json that is missing or malformed is refused") {
  const TemporaryFolder folder;
  CHECK_FALSE(Tokenizer::open(folder.path()).ok());
  for (const char* contents : {"", "[]", "null", "{\"model\": 1}", "{", "\xFF"}) {
    folder.write("tokenizer.json", contents);
    const auto opened = Tokenizer::open(folder.path());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::kModelUnusable);
  }
}

}  // namespace
}  // namespace forkdex
