#include "common/model/sentence_transformers.h"

#include <string>

#include <catch2/catch.hpp>

#include "common/model/model_folder.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/common/model/model_files.h"

namespace forkdex {
namespace {

using Catch::Contains;
using nlohmann::json;
using test::TemporaryFolder;
using test::TinyModel;

constexpr const char* kExtras = "config_sentence_transformers.json";
constexpr const char* kTransformer = "sentence_bert_config.json";

ModelFolder read(const TemporaryFolder& folder, const ModelOverrides& overrides = {}) {
  auto read = ModelFolder::read(folder.path(), {}, overrides);
  INFO((read.ok() ? "" : read.error().text()));
  REQUIRE(read.ok());
  return std::move(*read);
}

std::string refusal(const TemporaryFolder& folder) {
  const auto read = ModelFolder::read(folder.path(), {});
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().code == ErrorCode::kModelUnusable);
  return read.error().text();
}

json module(const char* type, const char* path) {
  return {{"type", std::string("sentence_transformers.models.") + type}, {"path", path}};
}

/// The tiny model with pooling as `pooling` says.
void write_pooling(const TemporaryFolder& folder, const json& pooling, bool normalizes = false) {
  TinyModel().write(folder);
  json modules = {module("Transformer", ""), module("Pooling", "1_P")};
  if (normalizes) modules.push_back(module("Normalize", "2_N"));
  folder.write("modules.json", modules.dump());
  folder.write("1_P/config.json", pooling.dump());
}

TEST_CASE("sentence_transformers: a folder without modules is a plain encoder with mean pooling") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const ModelFolder read_folder = read(folder);
  CHECK(read_folder.pooling == "mean");
  CHECK_FALSE(read_folder.normalize);
  CHECK(read_folder.max_tokens == 16);
  CHECK(read_folder.dimension == 32);
  CHECK(read_folder.name == folder.path().filename());
}

TEST_CASE("sentence_transformers: reads modules, prompts and the maximum of tokens") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  folder.write("modules.json", nlohmann::json{module("Transformer", ""), module("Pooling", "1_P"),
                                              module("Normalize", "2_N")}
                                   .dump());
  folder.write(
      "1_P/config.json",
      nlohmann::json{{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}}.dump());
  folder.write("sentence_bert_config.json", nlohmann::json{{"max_seq_length", 9}}.dump());
  folder.write("config_sentence_transformers.json",
               nlohmann::json{{"prompts", {{"query", "q: "}, {"passage", "p: "}}}}.dump());
  const ModelFolder read_folder = read(folder);
  CHECK(read_folder.pooling == "cls");
  CHECK(read_folder.normalize);
  CHECK(read_folder.max_tokens == 9);
  CHECK(read_folder.query_prefix == "q: ");
  CHECK(read_folder.document_prefix == "p: ");
}

TEST_CASE(
    "sentence_transformers: a default prompt goes before what has none of its own, on its side") {
  const auto prefixes = [](const nlohmann::json& config) {
    const TemporaryFolder folder;
    TinyModel().write(folder);
    folder.write("config_sentence_transformers.json", config.dump());
    const ModelFolder found = read(folder);
    return found.query_prefix + "|" + found.document_prefix;
  };
  const nlohmann::json prompts = {{"query", "q: "}, {"any", "a: "}};
  CHECK(prefixes({{"prompts", prompts}}) == "q: |");
  CHECK(prefixes({{"prompts", prompts}, {"default_prompt_name", "query"}}) == "q: |");
  CHECK(prefixes({{"prompts", prompts}, {"default_prompt_name", "any"}}) == "q: |a: ");
  CHECK(prefixes({{"prompts", {{"passage", "p: "}}}, {"default_prompt_name", "passage"}}) ==
        "|p: ");
  CHECK(prefixes({{"prompts", {{"", "e: "}}}, {"default_prompt_name", "document"}}) == "|");
  const TemporaryFolder folder;
  TinyModel().write(folder);
  folder.write("config_sentence_transformers.json", R"({"default_prompt_name": "absent"})");
  CHECK_THAT(refusal(folder), Contains("default_prompt_name absent"));
}

TEST_CASE("sentence_transformers: reads a folder as release 6 writes it") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const auto module = [](const char* type, const char* path) {
    return json{{"type", std::string("sentence_transformers.") + type}, {"path", path}};
  };
  folder.write("modules.json",
               json{module("base.modules.transformer.Transformer", ""),
                    module("sentence_transformer.modules.pooling.Pooling", "1_Pooling"),
                    module("base.modules.normalize.Normalize", "2_Normalize")}
                   .dump());
  folder.write(
      "1_Pooling/config.json",
      json{{"embedding_dimension", 32}, {"pooling_mode", "lasttoken"}, {"include_prompt", true}}
          .dump());
  folder.write(
      kTransformer,
      json{{"transformer_task", "feature-extraction"},
           {"module_output_name", "token_embeddings"},
           {"modality_config",
            {{"text", {{"method", "forward"}, {"method_output_name", "last_hidden_state"}}}}}}
          .dump());
  folder.write(kExtras, json{{"model_type", "SentenceTransformer"},
                             {"default_prompt_name", nullptr},
                             {"prompts", {{"document", "d: "}, {"query", "q: "}}},
                             {"similarity_fn_name", "cosine"},
                             {"truncate_dim", 16}}
                            .dump());
  folder.write("tokenizer_config.json", R"({"model_max_length": 11})");
  const ModelFolder found = read(folder);
  CHECK(found.pooling == "last");
  CHECK(found.normalize);
  CHECK_FALSE(found.lower_case);
  CHECK(found.max_tokens == 11);
  CHECK(found.dimension == 16);
  CHECK(found.query_prefix == "q: ");
  CHECK(found.document_prefix == "d: ");
}

TEST_CASE("sentence_transformers: vectors are as short as the folder says, unless a user says it") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const Sha256 whole = read(folder).fingerprint;
  folder.write(kExtras, R"({"truncate_dim": 8})");
  CHECK(read(folder).dimension == 8);
  CHECK(read(folder).fingerprint != whole);
  CHECK(read(folder, {.dimensions = 32}).fingerprint == whole);
  CHECK(read(folder, {.dimensions = 4}).dimension == 4);
  folder.write(kExtras, R"({"truncate_dim": 64})");
  CHECK(read(folder).dimension == 32);
  folder.write(kExtras, R"({"truncate_dim": 0})");
  CHECK_THAT(refusal(folder), Contains("truncate_dim"));
}

TEST_CASE("sentence_transformers: one pooling mode is read, however it is spelled") {
  const TemporaryFolder folder;
  write_pooling(folder, {{"pooling_mode", {"cls"}}});
  CHECK(read(folder).pooling == "cls");
  write_pooling(folder, {{"pooling_mode", nullptr}, {"pooling_mode_lasttoken", true}});
  CHECK(read(folder).pooling == "last");
  write_pooling(folder, {{"pooling_mode", {"mean", "cls"}}});
  CHECK_THAT(refusal(folder), Contains("mean and cls together are not supported"));
  write_pooling(folder, {{"pooling_mode_mean_tokens", true}, {"pooling_mode_max_tokens", true}});
  CHECK_THAT(refusal(folder), Contains("pooling_mode_max_tokens and pooling_mode_mean_tokens"));
  write_pooling(folder, {{"pooling_mode", "weightedmean"}});
  CHECK_THAT(refusal(folder), Contains("pooling mode weightedmean is not supported"));
  write_pooling(folder, {{"pooling_mode_max_tokens", true}});
  CHECK_THAT(refusal(folder), Contains("pooling mode pooling_mode_max_tokens is not supported"));
  write_pooling(folder, {{"pooling_mode_mean_tokens", false}});
  CHECK_THAT(refusal(folder), Contains("no pooling mode is set"));
}

TEST_CASE("sentence_transformers: prompts outside pooling are refused where there are prompts") {
  const TemporaryFolder folder;
  write_pooling(folder, {{"pooling_mode", "mean"}, {"include_prompt", false}});
  CHECK(read(folder).pooling == "mean");
  CHECK_FALSE(ModelFolder::read(folder.path(), {}, {.query_prefix = "q: "}).ok());
  folder.write(kExtras, json{{"prompts", {{"document", "d: "}}}}.dump());
  CHECK_THAT(refusal(folder), Contains("include_prompt false"));
  CHECK(read(folder, {.document_prefix = ""}).document_prefix.empty());
}

TEST_CASE("sentence_transformers: a model that is compared otherwise is refused") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const auto compared_by = [&](const char* name) {
    folder.write(kExtras, json{{"similarity_fn_name", name}}.dump());
  };
  for (const char* name : {"dot", "euclidean"}) {
    compared_by(name);
    CHECK_THAT(refusal(folder), Contains(std::string("similarity ") + name));
  }
  write_pooling(folder, {{"pooling_mode", "mean"}}, true);
  for (const char* name : {"dot", "euclidean", "cosine"}) {
    compared_by(name);
    CHECK(read(folder).normalize);
  }
  compared_by("manhattan");
  CHECK_THAT(refusal(folder), Contains("similarity manhattan is not supported"));
}

TEST_CASE("sentence_transformers: what is no model for embeddings is refused") {
  const TemporaryFolder folder;
  TinyModel model;
  SECTION("by its architecture, where nothing else says what it is") {
    model.config["architectures"] = {"BertForSequenceClassification"};
    model.write(folder);
    CHECK_THAT(refusal(folder), Contains("BertForSequenceClassification is no model for"));
    folder.write("1_P/config.json", R"({"pooling_mode": "mean"})");
    folder.write("modules.json", json{module("Transformer", ""), module("Pooling", "1_P")}.dump());
    CHECK(read(folder).pooling == "mean");
  }
  SECTION("but not an encoder as it was trained first") {
    model.config["architectures"] = {"BertForMaskedLM"};
    model.write(folder);
    CHECK(read(folder).dimension == 32);
  }
  SECTION("by the kind of model") {
    model.write(folder);
    folder.write(kExtras, R"({"model_type": "CrossEncoder"})");
    CHECK_THAT(refusal(folder), Contains("model_type CrossEncoder is not supported"));
  }
  SECTION("by its task") {
    model.write(folder);
    folder.write(kTransformer, R"({"transformer_task": "fill-mask"})");
    CHECK_THAT(refusal(folder), Contains("transformer_task fill-mask is not supported"));
  }
  SECTION("by what it takes from the encoder") {
    model.write(folder);
    folder.write(kTransformer,
                 R"({"modality_config": {"text": {"method_output_name": "pooler_output"}}})");
    CHECK_THAT(refusal(folder), Contains("method_output_name pooler_output is not supported"));
  }
}

TEST_CASE(
    "sentence_transformers: an encoder in a folder of its own is refused, saying what to do") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  folder.write("modules.json", json{module("Transformer", "0_Transformer")}.dump());
  CHECK_THAT(refusal(folder), Contains("Transformer in 0_Transformer") && Contains("move"));
}

TEST_CASE(
    "sentence_transformers: modules in another order, or fewer or more of them, are refused") {
  const TemporaryFolder folder;
  write_pooling(folder, {{"pooling_mode", "mean"}});
  const json transformer = module("Transformer", ""), pooling = module("Pooling", "1_P"),
             normalize = module("Normalize", "2_N");
  for (const json& modules :
       {json::array(), json{transformer}, json{transformer, normalize}, json{pooling, transformer},
        json{transformer, normalize, pooling}, json{transformer, pooling, pooling},
        json{transformer, pooling, normalize, normalize}}) {
    folder.write("modules.json", modules.dump());
    CHECK_THAT(refusal(folder), Contains("in this order"));
  }
}

TEST_CASE("sentence_transformers: what else changes how the encoder is called is refused") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  for (const char* key : {"tokenizer_args", "processing_kwargs", "config_args"}) {
    folder.write(kTransformer, json{{key, {{"max_length", 8}}}}.dump());
    CHECK_THAT(refusal(folder), Contains(std::string(key) + " {"));
    folder.write(kTransformer, json{{key, {{"trust_remote_code", true}}}}.dump());
    CHECK(read(folder).max_tokens == 16);
  }
  folder.write(kTransformer, R"({"document_length": 8})");
  CHECK_THAT(refusal(folder), Contains("document_length 8 is not supported"));
  folder.write(kTransformer, R"({"max_seq_length": -1})");
  CHECK_THAT(refusal(folder), Contains("max_seq_length"));
  folder.write(kTransformer, R"({"max_seq_length": 1e30})");
  CHECK(read(folder).max_tokens == 16);
}

TEST_CASE("sentence_transformers: what is null is as if it were not there") {
  const TemporaryFolder folder;
  write_pooling(folder, {{"pooling_mode", "cls"}, {"include_prompt", nullptr}});
  folder.write(kTransformer, R"({"do_lower_case": null, "max_seq_length": null})");
  folder.write(kExtras, R"({"prompts": {"document": null, "passage": "p: "}, "model_type": null,
                            "similarity_fn_name": null, "truncate_dim": null})");
  CHECK(read(folder).document_prefix == "p: ");
  CHECK(read(folder).dimension == 32);
  folder.write(kExtras, R"({"prompts": {"document": 1}})");
  CHECK_THAT(refusal(folder), Contains("document 1 is not supported") && Contains(kExtras));
}

TEST_CASE("sentence_transformers: the file of other families' encoders is read too") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  folder.write("sentence_xlm-roberta_config.json", R"({"max_seq_length": 7})");
  CHECK(read(folder).max_tokens == 7);
}

TEST_CASE("sentence_transformers: the tokenizer's old name for the longest text is read too") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  folder.write("tokenizer_config.json", R"({"max_len": 6})");
  CHECK(read(folder).max_tokens == 6);
  folder.write("tokenizer_config.json", R"({"max_len": 6, "model_max_length": 1e30})");
  CHECK(read(folder).max_tokens == 16);
}

TEST_CASE("sentence_transformers: texts in lower case make another model") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const ModelFolder as_it_is = read(folder);
  folder.write(kTransformer, R"({"do_lower_case": true})");
  const ModelFolder lowered = read(folder);
  CHECK(lowered.lower_case);
  CHECK(lowered.fingerprint != as_it_is.fingerprint);
  CHECK(lowered.encoder == as_it_is.encoder);
}

}  // namespace
}  // namespace forkdex
