#pragma once

// Texts to vectors: the tokenizer, the encoder and the pooling of one model folder. The header is
// free of torch; libtorch stays private to this library.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "common/model/precision.h"
#include "worker/embed/tokenizer/tokenizer.h"

namespace forkdex {

class Embedder {
 public:
  virtual ~Embedder() = default;

  virtual std::size_t dimension() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;

  /// Told before each batch which texts are in it, by their index.
  using NextBatch = std::function<void(std::span<const std::size_t> texts)>;

  /// Embeds `texts` into `vectors` (row-major, texts.size() x dimension(), L2-normalised where the
  /// folder says so). Texts are cut at the model's maximum. Batches by token budget inside, sorted
  /// by length; the order of `vectors` is the order of `texts`. Adds the tokens read to `tokens`.
  /// ERRORS kModelRuntime, kOutOfMemory.
  virtual Result<void> embed(std::span<const std::string_view> texts, std::span<float> vectors,
                             std::uint64_t& tokens, const NextBatch& next_batch = {}) = 0;

  struct Options {
    std::size_t batch_tokens = 2048;
    bool fault_in = false;  ///< reads the weights into memory now, not where they are first used
    Precision precision = Precision::kAuto;
    /// Where the weights are kept as the encoder wants them, made at the first use; may be deleted
    /// at any time. Empty, or not writable: every process has a copy of its own.
    std::filesystem::path cache_folder;
  };
  /// Maps the weights of `folder` read-only (shared between processes) and prepares the encoder,
  /// with one compute thread. ERRORS kModelUnusable.
  static Result<std::unique_ptr<Embedder>> open(const ModelFolder& folder, Options options);
};

}  // namespace forkdex
