#include "worker/embed/embedder.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include "common/base/hash.h"
#include "worker/embed/encoder/encoder.h"
#include "worker/embed/encoder/pooling.h"

namespace forkdex {
namespace {

Error unusable(std::string sentence, const std::filesystem::path& path) {
  return {ErrorCode::kModelUnusable, std::move(sentence), path.string()};
}

// libtorch reports memory that could not be had as a plain c10::Error.
Error runtime_error(const std::exception& thrown) {
  const std::string_view text = thrown.what();
  const bool out_of_memory = dynamic_cast<const std::bad_alloc*>(&thrown) ||
                             text.find("can't allocate memory") != std::string_view::npos ||
                             text.find("not enough memory") != std::string_view::npos;
  if (out_of_memory)
    return {ErrorCode::kOutOfMemory, "the model ran out of memory", std::string(text)};
  return {ErrorCode::kModelRuntime, "the model failed", std::string(text)};
}

std::size_t most_tokens(const ModelFolder& folder, const EncoderConfig& config) {
  return std::min(folder.max_tokens, static_cast<std::size_t>(config.positions));
}

class TransformerEmbedder final : public Embedder {
 public:
  TransformerEmbedder(const ModelFolder& folder, Options options,
                      std::unique_ptr<Tokenizer> tokenizer, const EncoderConfig& config,
                      Pooling pooling, Encoder model)
      : options_(options),
        max_tokens_(most_tokens(folder, config)),
        hidden_(static_cast<std::size_t>(config.hidden)),
        dimension_(folder.dimension),
        centers_(config.centers_cut_vectors),
        normalize_(folder.normalize),
        pooling_(pooling),
        tokenizer_(std::move(tokenizer)),
        model_(std::move(model)) {}

  std::size_t dimension() const override { return dimension_; }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }

  Result<void> embed(std::span<const std::string_view> texts, std::span<float> vectors,
                     std::uint64_t& tokens, const NextBatch& next_batch) override {
    try {
      const c10::InferenceMode no_gradients;
      TokenizedTexts tokenized;
      for (const std::string_view text : texts) {
        // Where no special token is added, some texts have none at all; a vector they have to have.
        if (tokenizer_->encode(text, max_tokens_, tokenized.ids()) == 0)
          tokenized.ids().push_back(0);
        tokenized.end_text();
      }
      for (const TokenBatch& batch : tokenized.batches(options_.batch_tokens)) {
        if (next_batch) next_batch(batch.texts);
        embed_batch(batch, vectors);
      }
      tokens += tokenized.tokens();
      return {};
    } catch (const std::exception& thrown) {
      return runtime_error(thrown);
    }
  }

 private:
  void embed_batch(const TokenBatch& batch, std::span<float> vectors) const {
    const at::Tensor hidden = model_.encode(batch);
    const float* rows = hidden.const_data_ptr<float>();
    std::vector<float> whole(hidden_);
    for (std::size_t i = 0; i < batch.lengths.size(); ++i) {
      const std::size_t values = batch.lengths[i] * hidden_;
      const std::span<float> vector = vectors.subspan(batch.texts[i] * dimension_, dimension_);
      pool({rows, values}, pooling_, whole);
      if (dimension_ < hidden_ && centers_) standardize(whole);
      std::copy_n(whole.begin(), dimension_, vector.begin());
      if (normalize_ || dimension_ < hidden_) normalize(vector);
      rows += values;
    }
  }

  Options options_;
  std::size_t max_tokens_;
  std::size_t hidden_;
  std::size_t dimension_;  // at most hidden_: the rest is cut off
  bool centers_;           // vectors go through a LayerNorm before they are cut off
  bool normalize_;
  Pooling pooling_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Encoder model_;
};

/// REQUIRES a resolved one.
at::ScalarType torch_type(Precision precision) {
  return precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat;
}

/// Another number where what stands in it changes.
std::filesystem::path prepared_file(const ModelFolder& folder, const Embedder::Options& options) {
  if (options.cache_folder.empty()) return {};
  const Precision precision = resolved(options.precision);
  return options.cache_folder /
         ("model-" + hex(folder.encoder).substr(0, 32) + "-" + std::string(name_of(precision)) +
          (packs_weights(torch_type(precision)) ? "-packed" : "") + "-2.safetensors");
}

Result<std::unique_ptr<Embedder>> open_transformer(const ModelFolder& folder,
                                                   Embedder::Options options) {
  const auto pooling = pooling_from_name(folder.pooling);
  if (!pooling) return unusable("pooling " + folder.pooling + " is not supported", folder.path);
  const auto config = EncoderConfig::read(folder.path);
  if (!config) return config.error();
  if (folder.dimension > static_cast<std::size_t>(config->hidden))
    return unusable("config.json has changed since the model was chosen", folder.path);
  auto tokenizer = Tokenizer::open(folder.path, folder.lower_case);
  if (!tokenizer) return tokenizer.error();
  if ((*tokenizer)->largest_id() >= config->vocabulary)
    return unusable("tokenizer.json has token ids up to " +
                        std::to_string((*tokenizer)->largest_id()) + ", but vocab_size is " +
                        std::to_string(config->vocabulary) +
                        ": the files of this folder don't belong together",
                    folder.path);
  auto weights = Safetensors::open(folder.path / "model.safetensors");
  if (!weights) return weights.error();
  auto model = Encoder::open(*config, *weights, torch_type(resolved(options.precision)),
                             most_tokens(folder, *config), prepared_file(folder, options));
  if (!model)  // its context is the tensor
    return unusable(model.error().text(), folder.path / "model.safetensors");
  if (options.fault_in) model->weights().fault_in();
  return std::unique_ptr<Embedder>(std::make_unique<TransformerEmbedder>(
      folder, options, std::move(*tokenizer), *config, *pooling, std::move(*model)));
}

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::open(const ModelFolder& folder, Options options) {
  try {
    at::set_num_threads(1);
    const c10::InferenceMode no_gradients;
    return open_transformer(folder, options);
  } catch (const std::exception& thrown) {
    return unusable(std::string("this model can't be opened: ") + thrown.what(), folder.path);
  }
}

}  // namespace forkdex
