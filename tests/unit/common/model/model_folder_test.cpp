#include "common/model/model_folder.h"

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"
#include "tests/unit/common/model/model_files.h"
#include "worker/embed/encoder/encoder_config.h"

namespace forkdex {
namespace {

using Catch::Contains;
using test::TemporaryFolder;
using test::TinyModel;

ModelFolder read(const TemporaryFolder& folder) {
  auto read = ModelFolder::read(folder.path(), {});
  INFO((read.ok() ? "" : read.error().text()));
  REQUIRE(read.ok());
  return std::move(*read);
}

std::string refusal(const std::filesystem::path& folder) {
  const auto read = ModelFolder::read(folder, {});
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().code == ErrorCode::kModelUnusable);
  return read.error().text();
}

nlohmann::json module(const char* type, const char* path) {
  return {{"type", std::string("sentence_transformers.models.") + type}, {"path", path}};
}

TEST_CASE("model_folder: reads the bundled model", "[model]") {
  const auto folder = ModelFolder::read(FORKDEX_DEPS_DIR "/model", {});
  REQUIRE(folder.ok());
  CHECK(folder->name == "all-MiniLM-L6-v2");
  CHECK(folder->architecture == "bert");
  CHECK(folder->dimension == 384);
  CHECK(folder->max_tokens == 256);
  CHECK(folder->pooling == "mean");
  CHECK(folder->normalize);
  CHECK(folder->query_prefix.empty());
  CHECK(folder->document_prefix.empty());
}

TEST_CASE("model_folder: with other prefixes or shorter vectors it is another model") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const ModelFolder whole = read(folder);
  const auto overridden = [&](const ModelOverrides& overrides) {
    return ModelFolder::read(folder.path(), {}, overrides);
  };
  const auto half = overridden({.dimensions = 16});
  REQUIRE(half.ok());
  CHECK(half->dimension == 16);
  CHECK(half->fingerprint != whole.fingerprint);
  CHECK(half->encoder == whole.encoder);
  CHECK(overridden({.dimensions = 8})->fingerprint != half->fingerprint);
  CHECK(overridden({.dimensions = 32})->fingerprint == whole.fingerprint);
  CHECK(overridden({.dimensions = 33}).error().code == ErrorCode::kUsage);
  const auto prefixed = overridden({.query_prefix = "q: ", .document_prefix = "d: "});
  CHECK(prefixed->query_prefix == "q: ");
  CHECK(prefixed->document_prefix == "d: ");
  CHECK(prefixed->fingerprint != whole.fingerprint);
  // What is asked changes nothing that is stored.
  CHECK(overridden({.query_prefix = "q: "})->fingerprint == whole.fingerprint);
  CHECK(overridden({.document_prefix = "d: "})->fingerprint == prefixed->fingerprint);
  CHECK(overridden({.query_prefix = "", .document_prefix = ""})->fingerprint == whole.fingerprint);
}

TEST_CASE("model_folder: as many places are counted as the encoder counts") {
  const TemporaryFolder folder;
  TinyModel model;
  model.config["n_positions"] = 12;
  model.write(folder);
  CHECK(read(folder).max_tokens == 12);
  const auto shape = EncoderConfig::read(folder.path());
  REQUIRE(shape.ok());
  CHECK(shape->positions == 12);
  model.config["pad_token_id"] = 3;
  model.config["model_type"] = "roberta";
  model.write(folder);
  CHECK(read(folder).max_tokens == 8);
  const auto behind_padding = EncoderConfig::read(folder.path());
  REQUIRE(behind_padding.ok());
  CHECK(behind_padding->positions == 8);
  CHECK(behind_padding->first_position == 4);
  model.config["pad_token_id"] = 11;
  model.write(folder);
  CHECK_THAT(refusal(folder.path()), Contains("n_positions"));
}

TEST_CASE("model_folder: says which file is missing") {
  const TemporaryFolder folder;
  CHECK_THAT(refusal(folder.path() / "absent"), Contains("does not exist"));
  folder.write("file", "");
  CHECK_THAT(refusal(folder / "file"), Contains("not a folder"));
  CHECK_THAT(refusal(folder.path()), Contains("no config.json"));
  TinyModel().write(folder);
  std::filesystem::remove(folder.path() / "model.safetensors");
  CHECK_THAT(refusal(folder.path()), Contains("no readable model.safetensors"));
  for (const char* other : {"pytorch_model.bin", "model.safetensors.index.json"}) {
    folder.write(other, "");
    CHECK_THAT(refusal(folder.path()), Contains(std::string("has ") + other + " and no"));
  }
  TinyModel().write(folder);
  std::filesystem::remove(folder.path() / "tokenizer.json");
  CHECK_THAT(refusal(folder.path()), Contains("no tokenizer.json"));
}

TEST_CASE("model_folder: says what is malformed or not supported") {
  const TemporaryFolder folder;
  TinyModel model;
  model.write(folder);
  folder.write("modules.json", nlohmann::json{module("Dense", "2_Dense")}.dump());
  CHECK_THAT(refusal(folder.path()), Contains("module Dense is not supported"));
  folder.write("modules.json", nlohmann::json{module("Pooling", "1_P")}.dump());
  CHECK_THAT(refusal(folder.path()), Contains("no config.json"));
  folder.write("modules.json", "{");
  CHECK_THAT(refusal(folder.path()), Contains("not JSON"));
  folder.write("config.json", "[]");
  CHECK_THAT(refusal(folder.path()), Contains(folder.path().string()));
  model.config.erase("hidden_size");
  model.write(folder);
  CHECK_THAT(refusal(folder.path()), Contains("hidden_size"));
}

TEST_CASE("model_folder: a file that can't be read is not taken for one that is not there") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  std::filesystem::create_directory(folder / "modules.json");
  CHECK_THAT(refusal(folder.path()), Contains("can't be read") && Contains("modules.json"));
}

TEST_CASE("model_folder: nesting that no stack has room for is refused") {
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const std::string brackets(100'000, '[');
  folder.write("config_sentence_transformers.json",
               R"({"prompts":)" + brackets + std::string(brackets.size(), ']') + "}");
  CHECK_THAT(refusal(folder.path()), Contains("nested too deep"));
}

TEST_CASE("model_folder: the fingerprint is that of what makes vectors") {
  const TemporaryFolder folder;
  TinyModel model;
  model.write(folder);
  const Sha256 first = read(folder).fingerprint;
  folder.write("README.md", "# other\n");
  CHECK(read(folder).fingerprint == first);
  folder.write("sentence_bert_config.json", nlohmann::json{{"max_seq_length", 9}}.dump());
  CHECK(read(folder).fingerprint != first);
  std::filesystem::remove(folder.path() / "sentence_bert_config.json");
  CHECK(read(folder).fingerprint == first);
  const Sha256 encoder = read(folder).encoder;
  model.dtype = "BF16";
  model.write(folder);
  CHECK(read(folder).fingerprint != first);
  CHECK(read(folder).encoder != encoder);
}

TEST_CASE(
    "model_folder: a cached hash is used until the weights change, and never believed broken") {
  const TemporaryFolder folder;
  const TemporaryFolder cache;
  TinyModel model;
  model.write(folder);
  const auto fingerprint = [&] {
    const auto read = ModelFolder::read(folder.path(), cache.path());
    REQUIRE(read.ok());
    return read->fingerprint;
  };
  const Sha256 first = fingerprint();
  CHECK(first == read(folder).fingerprint);
  std::filesystem::path entry;
  std::size_t entries = 0;
  for (const auto& file : std::filesystem::directory_iterator(cache.path())) {
    entry = file.path();
    ++entries;
  }
  REQUIRE(entries == 1);
  std::string stored(std::filesystem::file_size(entry), '\0');
  std::ifstream(entry).read(stored.data(), static_cast<std::streamsize>(stored.size()));

  SECTION("it is used") {
    stored[stored.size() - 2] = stored[stored.size() - 2] == '0' ? '1' : '0';
    std::ofstream(entry) << stored;
    CHECK(fingerprint() != first);
  }
  SECTION("a torn entry is written anew") {
    std::ofstream(entry) << stored.substr(0, stored.size() / 2);
    CHECK(fingerprint() == first);
    CHECK(std::filesystem::file_size(entry) == stored.size());
  }
  SECTION("other weights have another hash") {
    model.dtype = "BF16";
    model.write(folder);
    CHECK(fingerprint() != first);
    CHECK(fingerprint() == read(folder).fingerprint);
  }
  SECTION("a cache folder that can't be made costs nothing") {
    const auto other = ModelFolder::read(folder.path(), entry / "below-a-file");
    REQUIRE(other.ok());
    CHECK(other->fingerprint == first);
  }
}

}  // namespace
}  // namespace forkdex
