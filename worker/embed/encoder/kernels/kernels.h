#pragma once

// The parts of an encoder layer, and its linear layers where libtorch's are slower. Each kernel is
// compiled once a processor generation; the best one that this processor runs is chosen at the
// first use. Pure functions; no torch.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "worker/embed/encoder/kernels/matrix_view.h"

namespace forkdex::kernels {

/// A brain float: the upper half of a float's bits.
struct Bf16 {
  std::uint16_t bits;
};

/// Queries, keys and values of all tokens, of type float or Bf16: `heads * head_size` values a
/// token, and `row` values from one token to the next.
template <class T>
struct AttentionInput {
  const T* query;
  const T* key;
  const T* value;
  std::size_t row;
  std::size_t heads;
  std::size_t head_size;  ///< a multiple of 16
  /// Of each head, what a score loses for every token between query and key (ALiBi, Press et al.
  /// 2022); null for none.
  const float* slopes = nullptr;
  /// Keys farther than this from the query are not seen; 0 for no limit.
  std::size_t window = 0;
};

/// Which of a gated layer's halves goes through the activation, and is then multiplied by the
/// other.
enum class Gate { kFirst, kSecond };
enum class Activation { kGelu, kSilu };

/// Outputs of a linear layer that lie side by side in packed weights. Panels are computed in pairs,
/// because where there is a gate one of them gates the other. Prepared files hold weights in this
/// order: see prepared_file() (embedder.cpp).
inline constexpr std::size_t kPanel = 16;
inline constexpr std::size_t kPanelPair = 2 * kPanel;

/// A linear layer whose weights pack() has ordered.
template <class T>
struct PackedLinear {
  const T* weights;
  const float* bias;                     ///< of each output, in the order of the weights
  std::size_t inputs;                    ///< a multiple of kPanelPair
  std::size_t outputs;                   ///< a multiple of kPanelPair
  std::optional<Activation> activation;  ///< set where there is a gate; kSilu only there
  /// The first panel of every pair goes through the activation and is multiplied by the other one:
  /// a row of the result has half as many values.
  bool is_gated = false;
};

/// Orders the weights of a linear layer, [outputs, inputs], both multiples of kPanelPair, as
/// PackedLinear wants them; `packed` has room for as many values. Portable.
void pack(const float* weights, std::size_t outputs, std::size_t inputs, float* packed);
void pack(const Bf16* weights, std::size_t outputs, std::size_t inputs, Bf16* packed);

/// What there is for both types. Sums are fp32 in both.
template <class T>
struct Functions {
  /// Writes softmax(Q·Kᵀ / √head_size)·V of each sequence and head to `out`, without gaps between
  /// the tokens; scores lose what slopes and window say first. Sequences stand one after the other,
  /// `lengths` long.
  void (*attend)(const AttentionInput<T>& input, std::span<const std::size_t> lengths, T* out);

  /// x = LayerNorm(x + added) * scale + shift, in place. x is [rows, size], size a multiple of 16;
  /// `added` is the same without gaps between its rows, null for nothing; scale and shift have size
  /// values.
  void (*add_layer_norm)(MatrixView<T> x, const T* added, const float* scale, const float* shift,
                         float epsilon);

  /// Turns the heads of each token by the angles of its place in its sequence, in place (rotary
  /// embeddings, Su et al. 2021, the halves of a head paired). `heads` is [tokens, heads *
  /// head_size]; `turns` has for every place the cosines and then the sines of head_size / 2
  /// angles.
  void (*rotate)(MatrixView<T> heads, std::span<const std::size_t> lengths, std::size_t head_size,
                 const float* turns);

  /// out = activation(one half of a row) * the other half. `wide` is [rows, 2 * width], width a
  /// multiple of 16; `out` is [rows, width], without gaps.
  void (*gate)(MatrixView<const T> wide, Activation activation, Gate gate, T* out);

  /// out = x · weightᵀ + bias and what the layer does to that, for `rows` rows, a multiple of
  /// `row_multiple`, without gaps in `x` and `out`. Null where that is left to libtorch (linear.h).
  void (*linear)(const PackedLinear<T>& layer, const T* x, std::size_t rows, T* out);
  /// Of the rows that `linear` takes; means nothing where that is null.
  std::size_t row_multiple;
};

/// One processor generation's kernels.
struct Set {
  std::string_view name;  ///< "amx", "avx512_bf16", "avx512", "avx2" or "portable"
  bool (*is_supported)();
  Functions<float> fp32;
  Functions<Bf16> bf16;

  /// values = x·Φ(x) of each of them (GELU in its exact form, to 4e-5); any number of values.
  void (*gelu)(std::span<Bf16> values);

  template <class T>
  const Functions<T>& of() const;
};

template <>
inline const Functions<float>& Set::of<float>() const {
  return fp32;
}
template <>
inline const Functions<Bf16>& Set::of<Bf16>() const {
  return bf16;
}

/// All of them, best first. The last one runs everywhere and is what the others are tested against.
std::span<const Set> all();

/// The best set that this processor runs.
const Set& best();

}  // namespace forkdex::kernels
