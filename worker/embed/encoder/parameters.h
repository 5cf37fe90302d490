#pragma once

// The parameters that an encoder computes with, and the tensors of a model's file that each is made
// of.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/embed/encoder/encoder_config.h"
#include "worker/embed/encoder/kernels/kernels.h"

namespace forkdex {

/// Names of parameters. A layer's stand behind its number and a dot; linear layers and norms have
/// ".weight" and, where the model has one, ".bias".
namespace parameter {
inline constexpr std::string_view kWords = "words";
inline constexpr std::string_view kPositions = "positions";     // learned places only
inline constexpr std::string_view kTokenTypes = "token_types";  // where there are any
inline constexpr std::string_view kEmbeddingNorm = "embedding_norm";
inline constexpr std::string_view kFinalNorm = "final_norm";  // pre-norm encoders only
inline constexpr std::string_view kQueryKeyValue = "query_key_value";
inline constexpr std::string_view kQueryNorm = "query_norm";  // where there is one, as the next
inline constexpr std::string_view kKeyNorm = "key_norm";
inline constexpr std::string_view kAttentionOutput = "attention_output";
inline constexpr std::string_view kAttentionNorm = "attention_norm";  // ModernBERT: not in layer 0
inline constexpr std::string_view kSecondNorm = "second_norm";        // of the residual once more
inline constexpr std::string_view kWide = "wide";
inline constexpr std::string_view kNarrow = "narrow";
inline constexpr std::string_view kOutputNorm = "output_norm";
}  // namespace parameter

/// What the encoder computes with, and what it is made of.
struct Parameter {
  enum class Form : std::uint8_t {
    kPlain,  ///< in the encoder's precision
    kFp32,
    kPacked,  ///< weights as kernels::pack orders them; the shape is that of the weights
  };

  std::string name;                 ///< ours
  std::vector<std::string> parts;   ///< tensors of the model's file, joined along their first size
  std::vector<std::int64_t> shape;  ///< of each part
  Form form = Form::kPlain;
  /// The outputs of a gated layer, as kernels::PackedLinear wants them: 16 that are activated, then
  /// 16 of the others. Says which half of the tensor is activated.
  std::optional<kernels::Gate> gate = std::nullopt;
};

/// Collects the parameters of one encoder.
class ParameterList {
 public:
  using Names = std::vector<std::string>;

  /// Every tensor's name begins with `prefix`. `is_packed`: linear layers that
  /// kernels::Functions::linear can compute have packed weights (".packed", and a bias in fp32).
  /// `has_old_norms`: scale and shift are called as in TensorFlow.
  ParameterList(const EncoderConfig& config, std::string prefix, bool is_packed,
                bool has_old_norms = false)
      : config_(config),
        prefix_(std::move(prefix)),
        is_packed_(is_packed),
        has_old_norms_(has_old_norms) {}

  void table(std::string_view name, const std::string& tensor, std::int64_t rows);

  void norm(const std::string& name, const std::string& tensor);

  /// `tensors` side by side; `outputs` of each. `gate` where they are two halves, one of which
  /// gates the other.
  void linear(const std::string& name, const Names& tensors, std::int64_t outputs,
              std::int64_t inputs, bool has_bias, std::optional<kernels::Gate> gate = std::nullopt);

  std::vector<Parameter> take() { return std::move(all_); }

 private:
  void add(std::string name, Names parts, std::vector<std::int64_t> shape,
           Parameter::Form form = Parameter::Form::kPlain,
           std::optional<kernels::Gate> gate = std::nullopt);

  const EncoderConfig& config_;
  std::string prefix_;
  bool is_packed_;
  bool has_old_norms_;
  std::vector<Parameter> all_;
};

}  // namespace forkdex
