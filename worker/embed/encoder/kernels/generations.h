#pragma once

// Every generation's functions, which kernels.h describes. For the kernels' own files only.

#include <cstddef>
#include <span>

#include "worker/embed/encoder/kernels/kernels.h"

namespace forkdex::kernels {

/// Inputs of a panel that are used up before the next panel's: 24 KiB of the first-level cache.
/// Part of the order in which prepared files hold weights, as kPanel is.
inline constexpr std::size_t kDepthBlock = 384;
/// Rows that linear_amx() takes multiples of: two tiles.
inline constexpr std::size_t kAmxRows = 32;

#define FORKDEX_DECLARE(generation)                                                             \
  void attend_##generation(const AttentionInput<float>& input,                                  \
                           std::span<const std::size_t> lengths, float* out);                   \
  void attend_##generation(const AttentionInput<Bf16>& input,                                   \
                           std::span<const std::size_t> lengths, Bf16* out);                    \
  void add_layer_norm_##generation(MatrixView<float> x, const float* added, const float* scale, \
                                   const float* shift, float epsilon);                          \
  void rotate_##generation(MatrixView<float> heads, std::span<const std::size_t> lengths,       \
                           std::size_t head_size, const float* turns);                          \
  void gate_##generation(MatrixView<const float> wide, Activation activation, Gate gate,        \
                         float* out);                                                           \
  void add_layer_norm_##generation(MatrixView<Bf16> x, const Bf16* added, const float* scale,   \
                                   const float* shift, float epsilon);                          \
  void rotate_##generation(MatrixView<Bf16> heads, std::span<const std::size_t> lengths,        \
                           std::size_t head_size, const float* turns);                          \
  void gate_##generation(MatrixView<const Bf16> wide, Activation activation, Gate gate,         \
                         Bf16* out);                                                            \
  void gelu_##generation(std::span<Bf16> values);

FORKDEX_DECLARE(portable)
#if defined(__x86_64__)
FORKDEX_DECLARE(avx2)
FORKDEX_DECLARE(avx512)
FORKDEX_DECLARE(avx512_bf16)

/// By AMX where the head size is a multiple of 32, else as avx512_bf16.
void attend_amx(const AttentionInput<Bf16>& input, std::span<const std::size_t> lengths, Bf16* out);

/// See Functions::linear.
void linear_avx2(const PackedLinear<float>& layer, const float* x, std::size_t rows, float* out);
void linear_amx(const PackedLinear<Bf16>& layer, const Bf16* x, std::size_t rows, Bf16* out);

/// Whether the processor has AMX for Bf16 and the kernel lets this process use it: asks for it,
/// once a process; clones keep it.
bool may_use_amx();
#endif
#undef FORKDEX_DECLARE

}  // namespace forkdex::kernels
