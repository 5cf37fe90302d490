#include "worker/embed/embedder.h"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"
#include "tests/unit/common/model/model_files.h"
#include "worker/embed/encoder/token_batch.h"

namespace forkdex {
namespace {

using Catch::Contains;
using test::TemporaryFolder;
using test::TinyModel;
using Texts = std::vector<std::string_view>;

std::unique_ptr<Embedder> open(const std::filesystem::path& path, std::size_t batch_tokens = 2048,
                               Precision precision = Precision::kFp32) {
  const auto folder = ModelFolder::read(path, {});
  INFO((folder.ok() ? "" : folder.error().text()));
  REQUIRE(folder.ok());
  Embedder::Options options;
  options.batch_tokens = batch_tokens;
  options.precision = precision;
  auto embedder = Embedder::open(*folder, options);
  INFO((embedder.ok() ? "" : embedder.error().text()));
  REQUIRE(embedder.ok());
  return std::move(*embedder);
}

std::string refusal(const TinyModel& model) {
  const TemporaryFolder folder;
  model.write(folder);
  const auto read = ModelFolder::read(folder.path(), {});
  const auto opened =
      read.ok() ? Embedder::open(*read, {}) : Result<std::unique_ptr<Embedder>>(read.error());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::kModelUnusable);
  return opened.error().text();
}

std::vector<float> embed(Embedder& embedder, const Texts& texts) {
  std::vector<float> vectors(texts.size() * embedder.dimension(), NAN);
  std::uint64_t tokens = 0;
  const auto embedded = embedder.embed(texts, vectors, tokens);
  INFO((embedded.ok() ? "" : embedded.error().text()));
  REQUIRE(embedded.ok());
  std::size_t expected_tokens = 0;
  for (const std::string_view text : texts)
    expected_tokens += std::min<std::size_t>(embedder.tokenizer().count(text), 256);
  CHECK(tokens == expected_tokens);
  return vectors;
}

double dot(const float* a, const float* b, std::size_t size) {
  return std::inner_product(a, a + size, b, 0.0);
}

TEST_CASE("embedder: gives unit vectors in the order of the texts", "[model]") {
  const auto embedder = open(FORKDEX_DEPS_DIR "/model");
  REQUIRE(embedder->dimension() == 384);
  const std::string long_text(5000, 'x');
  const Texts texts = {"def open_file(path): return open(path)",
                       "",
                       "how to open a file",
                       "class Tree: pass",
                       long_text,
                       "the weather in spring"};
  const std::vector<float> vectors = embed(*embedder, texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const float* vector = &vectors[i * 384];
    CHECK(dot(vector, vector, 384) == Approx(1.0).margin(1e-5));
    const std::vector<float> alone = embed(*embedder, {texts[i]});
    CHECK(dot(vector, alone.data(), 384) == Approx(1.0).margin(1e-5));
  }
  CHECK(dot(&vectors[2 * 384], &vectors[0], 384) > dot(&vectors[2 * 384], &vectors[5 * 384], 384));
}

TEST_CASE("embedder: the batch size changes no vector", "[model]") {
  const Texts texts = {"one", "two words",   "a rather longer text of some nine or ten words",
                       "one", "[SEP] [SEP]", "x = y"};
  const std::vector<float> wide = embed(*open(FORKDEX_DEPS_DIR "/model"), texts);
  const std::vector<float> narrow = embed(*open(FORKDEX_DEPS_DIR "/model", 1), texts);
  for (std::size_t i = 0; i < wide.size(); ++i) REQUIRE(wide[i] == Approx(narrow[i]).margin(1e-5));
  CHECK(embed(*open(FORKDEX_DEPS_DIR "/model"), {}).empty());
}

TEST_CASE("embedder: in bf16 it gives the vectors of fp32, nearly", "[model]") {
  const std::string long_text(2000, 'x');
  const Texts texts = {"def open_file(path):\n    return open(path)", "", "x",
                       "class Tree { left: Tree; right: Tree; }", long_text};
  const std::vector<float> full = embed(*open(FORKDEX_DEPS_DIR "/model"), texts);
  const std::vector<float> half =
      embed(*open(FORKDEX_DEPS_DIR "/model", 2048, Precision::kBf16), texts);
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(dot(&full[i * 384], &half[i * 384], 384) > 0.9998);
}

TEST_CASE("embedder: keeps its weights as it wants them, and makes them anew where they are not") {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  TinyModel().write(folder);
  const TemporaryFolder cache;
  const auto files = [&] {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(cache.path())) found.push_back(entry.path());
    return found;
  };
  const auto vector = [&](Precision precision, const fs::path& cache_folder) {
    const auto read = ModelFolder::read(folder.path(), {});
    REQUIRE(read.ok());
    const auto embedder =
        Embedder::open(*read, {.precision = precision, .cache_folder = cache_folder});
    REQUIRE(embedder.ok());
    return embed(**embedder, {"a b c"});
  };
  const std::vector<float> expected = vector(Precision::kFp32, {});
  CHECK(vector(Precision::kFp32, cache.path()) == expected);
  REQUIRE(files().size() == 1);
  const fs::path kept = files().front();
  const auto written = fs::last_write_time(kept);
  CHECK(vector(Precision::kFp32, cache.path()) == expected);  // this time out of the file
  CHECK(fs::last_write_time(kept) == written);

  CHECK(vector(Precision::kBf16, cache.path()) == vector(Precision::kBf16, {}));
  CHECK(files().size() == 2);  // a file a precision

  const auto damaged = GENERATE(std::uintmax_t{0}, std::uintmax_t{100}, std::uintmax_t{5000});
  fs::resize_file(kept, damaged);
  CHECK(vector(Precision::kFp32, cache.path()) == expected);
  CHECK(fs::file_size(kept) > 5000);
  CHECK(vector(Precision::kFp32, cache / "not there\n/" / "at all") == expected);
  CHECK(vector(Precision::kFp32, "/proc/no-such-folder") == expected);
}

TEST_CASE("embedder: reads half-precision weights as well") {
  TinyModel model;
  model.dtype = "BF16";
  const TemporaryFolder folder;
  model.write(folder);
  const TemporaryFolder full;
  TinyModel().write(full);
  const auto half = embed(*open(folder.path()), {"a b c"});
  const auto whole = embed(*open(full.path()), {"a b c"});
  const double cosine =
      dot(half.data(), whole.data(), 32) /
      std::sqrt(dot(half.data(), half.data(), 32) * dot(whole.data(), whole.data(), 32));
  CHECK(cosine > 0.99);
  CHECK(half != whole);
}

TEST_CASE("embedder: names the tensor that can't be used") {
  const std::string query = "encoder.layer.0.attention.self.query.weight";
  TinyModel model;
  SECTION("missing") {
    model.tensors.erase(query);
    CHECK_THAT(refusal(model), Contains("tensor " + query + " is missing"));
  }
  SECTION("of another shape") {
    model.tensors[query] = {32, 16};
    CHECK_THAT(refusal(model), Contains(query + " has the shape [32, 16] instead of [32, 32]"));
  }
  SECTION("of another type") {
    model.dtype = "I32";
    CHECK_THAT(refusal(model), Contains("has the type I32") && Contains("model.safetensors"));
  }
}

TEST_CASE("embedder: norms may be called as they were in TensorFlow") {
  TinyModel model;
  auto renamed = model.tensors;
  for (const auto& [name, shape] : model.tensors) {
    const std::size_t norm = name.find("LayerNorm.");
    if (norm == std::string::npos) continue;
    renamed.erase(name);
    renamed[name.substr(0, norm) +
            (name.ends_with("weight") ? "LayerNorm.gamma" : "LayerNorm.beta")] = shape;
  }
  model.tensors = renamed;
  const TemporaryFolder folder, plain;
  model.write(folder);
  TinyModel().write(plain);
  CHECK(embed(*open(folder.path()), {"a b"}) == embed(*open(plain.path()), {"a b"}));
}

TEST_CASE("embedder: a folder with two widths is read in one way") {
  TinyModel model;
  model.config["n_embd"] = 64;
  CHECK_THAT(refusal(model), Contains("instead of"));
}

TEST_CASE("embedder: where places begin behind that of padding, a token for it takes up none") {
  TinyModel model;
  model.config["model_type"] = "roberta";
  model.config["pad_token_id"] = 6;
  model.tokenizer["post_processor"] = nullptr;
  const TemporaryFolder folder;
  model.write(folder);
  folder.write("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                                   {"type": "sentence_transformers.models.Pooling", "path": "1_P"}])");
  folder.write("1_P/config.json", R"({"pooling_mode": "lasttoken"})");
  // "c" is that token. All of a text that stand at one place have the same vector, however many.
  const std::vector<float> vectors = embed(*open(folder.path()), {"c", "c c c"});
  for (std::size_t i = 0; i < 32; ++i) CHECK(vectors[32 + i] == Approx(vectors[i]).margin(1e-5));
  const std::vector<float> others = embed(*open(folder.path()), {"a", "a a a"});
  CHECK_FALSE(std::equal(others.begin(), others.begin() + 32, others.begin() + 32,
                         [](float a, float b) { return std::abs(a - b) < 1e-3f; }));
}

TEST_CASE("embedder: names what it does not support") {
  TinyModel model;
  SECTION("architecture") {
    model.config["model_type"] = "gpt2";
    CHECK_THAT(refusal(model), Contains("gpt2"));
  }
  SECTION("activation") {
    model.config["hidden_act"] = "swish";
    CHECK_THAT(refusal(model), Contains("hidden_act swish"));
  }
  SECTION("positions") {
    model.config["position_embedding_type"] = "relative_key";
    CHECK_THAT(refusal(model), Contains("relative_key"));
  }
  SECTION("a decoder") {
    model.config["is_decoder"] = true;
    CHECK_THAT(refusal(model), Contains("is_decoder true"));
  }
  SECTION("an activation of other families") {
    model.config["hidden_act"] = "silu";
    CHECK_THAT(refusal(model), Contains("hidden_act silu"));
  }
  SECTION("heads") {
    model.config["num_attention_heads"] = 4;
    CHECK_THAT(refusal(model), Contains("head size of 8"));
  }
  SECTION("layers") {
    model.config["num_hidden_layers"] = 0;
    CHECK_THAT(refusal(model), Contains("num_hidden_layers"));
  }
  SECTION("scaled rotations") {
    model.config["model_type"] = "modernbert";
    model.config["rope_parameters"] = nullptr;
    SECTION("in a place of their own") { model.config["rope_scaling"] = {{"rope_type", "yarn"}}; }
    SECTION("of all layers") { model.config["rope_parameters"] = {{"rope_type", "yarn"}}; }
    CHECK_THAT(refusal(model), Contains("yarn"));
  }
  SECTION("rotations that scale with the distance") {
    model.config["model_type"] = "nomic_bert";
    model.config["hidden_act"] = "silu";
    model.config["rotary_emb_scale_base"] = 512;
    CHECK_THAT(refusal(model), Contains("rotary_emb_scale_base 512"));
  }
}

TEST_CASE("embedder: a text without tokens has a vector, and no other one changes for it") {
  TinyModel model;
  model.tokenizer["post_processor"] = nullptr;
  for (const char* mode : {"mean", "cls", "lasttoken"}) {
    const TemporaryFolder folder;
    model.write(folder);
    folder.write("modules.json",
                 R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                     {"type": "sentence_transformers.models.Pooling", "path": "1_P"}])");
    folder.write("1_P/config.json", nlohmann::json{{"pooling_mode", mode}}.dump());
    const auto embedder = open(folder.path());
    const Texts texts = {"a b", "", "c"};
    std::vector<float> vectors(texts.size() * 32, NAN);
    std::uint64_t tokens = 0;
    REQUIRE(embedder->embed(texts, vectors, tokens).ok());
    INFO(mode);
    for (const float value : vectors) REQUIRE(std::isfinite(value));
    const std::vector<float> last = embed(*embedder, {"c"});
    CHECK(std::equal(last.begin(), last.end(), vectors.begin() + 64));
  }
}

TEST_CASE("embedder: a tokenizer with more tokens than there are weights for is refused") {
  TinyModel model;
  SECTION("in its vocabulary") { model.tokenizer["model"]["vocab"]["c"] = 8; }
  SECTION("behind it") {
    for (const char* content : {"<x>", "<y>"})
      model.tokenizer["added_tokens"].push_back({{"content", content}, {"id", 7}});
  }
  SECTION("around a text") { model.tokenizer["post_processor"]["sep"] = {"[SEP]", 8}; }
  CHECK_THAT(refusal(model), Contains("token ids up to 8") && Contains("vocab_size is 8"));
}

TEST_CASE("token_batch: every text is in one batch, within the budget, longest first") {
  TokenizedTexts texts;
  std::int32_t next_id = 0;
  for (const std::size_t length : {3u, 10u, 1u, 3u, 25u, 2u, 3u}) {
    for (std::size_t i = 0; i < length; ++i) texts.ids().push_back(next_id++);
    texts.end_text();
  }
  std::vector<int> seen(texts.size());
  std::size_t previous = 1000;
  std::vector<std::int32_t> ids;
  for (const TokenBatch& batch : texts.batches(12)) {
    CHECK((batch.ids.size() <= 12 || batch.texts.size() == 1));
    CHECK(std::accumulate(batch.lengths.begin(), batch.lengths.end(), std::size_t{0}) ==
          batch.ids.size());
    for (std::size_t i = 0; i < batch.texts.size(); ++i) {
      ++seen[batch.texts[i]];
      CHECK(batch.lengths[i] <= previous);
      previous = batch.lengths[i];
    }
    ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
  }
  CHECK(seen == std::vector<int>(texts.size(), 1));
  std::sort(ids.begin(), ids.end());
  std::vector<std::int32_t> all(static_cast<std::size_t>(next_id));
  std::iota(all.begin(), all.end(), 0);
  CHECK(ids == all);
}

}  // namespace
}  // namespace forkdex
