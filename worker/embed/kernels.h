#pragma once

// The parts of an encoder layer between the linear layers, in fp32. Each kernel is compiled once a
// processor generation; the best one that this processor runs is chosen at the first use. Pure
// functions; no torch.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace forkdex::kernels {

/// Queries, keys and values of all tokens: row-major, `heads * head_size` a row.
struct AttentionInput {
  const float* query;
  const float* key;
  const float* value;
  std::size_t heads;
  std::size_t head_size;  ///< a multiple of 16
};

/// One processor generation's kernels.
struct Set {
  std::string_view name;  ///< "avx512", "avx2" or "portable"
  bool (*is_supported)();

  /// Writes softmax(Q·Kᵀ / √head_size)·V of each sequence and head to `out` (shape of the input).
  /// Sequences stand one after the other, `lengths` long.
  void (*attend)(const AttentionInput& input, std::span<const std::size_t> lengths, float* out);

  /// rows = LayerNorm(rows + residual) * scale + shift, in place; scale.size() values a row, a
  /// multiple of 16.
  void (*add_layer_norm)(std::span<float> rows, const float* residual, std::span<const float> scale,
                         const float* shift, float epsilon);
};

/// All of them, best first. The last one runs everywhere and is what the others are tested against.
std::span<const Set> all();

/// The best set that this processor runs.
const Set& best();

}  // namespace forkdex::kernels
