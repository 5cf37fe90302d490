// What is done to every token by itself: residual with LayerNorm, and activations.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "worker/embed/encoder/kernels/generation.h"
#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {
namespace {

constexpr std::size_t kSums = 4;  // independent sums, so that one addition need not await the next

template <class Processor>
struct RowKernels : Generation<Processor> {
  using Base = Generation<Processor>;
  using Base::kWidth;
  using Base::load;
  using Base::store;
  using Base::sum;
  using typename Base::Vec;

  // Calls `step(i, s)` for every vector of a row, `s` counting up to kSums again and again.
  template <class Step>
  FORKDEX_INLINE static void each(std::size_t size, Step step) {
    std::size_t i = 0;
    for (; i + kSums * kWidth <= size; i += kSums * kWidth)
#pragma GCC unroll 4
      for (std::size_t s = 0; s < kSums; ++s) step(i + s * kWidth, s);
    for (; i < size; i += kWidth) step(i, 0);
  }

  FORKDEX_INLINE static float total(const Vec (&sums)[kSums]) {
    return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  }

  // `Count` rows pass by pass, so that one's sums are added up while the other's are made; `lines`
  // has room for both.
  template <std::size_t Count, bool IsAdded, class T>
  FORKDEX_INLINE static void norm_rows(Rows<T> rows, std::size_t first, const T* added,
                                       std::span<const float> scale, const float* shift,
                                       float epsilon, float* lines) {
    const std::size_t size = scale.size();
    const float share = 1.0f / static_cast<float>(size);
    float means[Count], factors[Count];
    for (std::size_t n = 0; n < Count; ++n) {
      const T* const row = rows.values + (first + n) * rows.row;
      Vec totals[kSums] = {};
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t s) {
        Vec v = load(row + i);
        if constexpr (IsAdded) v += load(added + (first + n) * size + i);
        store(v, lines + n * size + i);
        totals[s] += v;
      });
      means[n] = total(totals) * share;
    }
    for (std::size_t n = 0; n < Count; ++n) {
      Vec squares[kSums] = {};
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t s) {
        const Vec v = load(lines + n * size + i) - means[n];
        squares[s] += v * v;
      });
      factors[n] = 1.0f / std::sqrt(total(squares) * share + epsilon);
    }
    for (std::size_t n = 0; n < Count; ++n) {
      T* const row = rows.values + (first + n) * rows.row;
      const float offset = -means[n] * factors[n];
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t) {
        const Vec v = load(lines + n * size + i) * factors[n] + offset;
        store(v * load(scale.data() + i) + load(shift + i), row + i);
      });
    }
  }

  template <bool IsAdded, class T>
  FORKDEX_INLINE static void norm_all(Rows<T> rows, const T* added, std::span<const float> scale,
                                      const float* shift, float epsilon, float* lines) {
    std::size_t r = 0;
    for (; r + 2 <= rows.count; r += 2)
      norm_rows<2, IsAdded>(rows, r, added, scale, shift, epsilon, lines);
    if (r < rows.count) norm_rows<1, IsAdded>(rows, r, added, scale, shift, epsilon, lines);
  }

  template <class T>
  FORKDEX_INLINE static void add_layer_norm(Rows<T> rows, const T* added,
                                            std::span<const float> scale, const float* shift,
                                            float epsilon) {
    thread_local std::vector<float> lines;
    lines.resize(std::max(lines.size(), 2 * scale.size()));
    if (added)
      norm_all<true>(rows, added, scale, shift, epsilon, lines.data());
    else
      norm_all<false>(rows, added, scale, shift, epsilon, lines.data());
  }

  template <class T>
  FORKDEX_INLINE static void rotate_row(T* row, std::size_t heads, std::size_t head_size,
                                        const float* cosines, const float* sines) {
    const std::size_t half = head_size / 2;
    for (std::size_t h = 0; h < heads; ++h, row += head_size)
      for (std::size_t i = 0; i < half; i += kWidth) {
        const Vec x = load(row + i);
        const Vec y = load(row + half + i);
        const Vec cosine = load(cosines + i);
        const Vec sine = load(sines + i);
        store(x * cosine - y * sine, row + i);
        store(y * cosine + x * sine, row + half + i);
      }
  }

  template <class T>
  FORKDEX_INLINE static void rotate(Rows<T> rows, std::span<const std::size_t> lengths,
                                    std::size_t heads, std::size_t head_size, const float* turns) {
    T* row = rows.values;
    for (const std::size_t length : lengths)
      for (std::size_t place = 0; place < length; ++place, row += rows.row) {
        const float* const angles = turns + place * head_size;
        rotate_row(row, heads, head_size, angles, angles + head_size / 2);
      }
  }

  template <class T>
  FORKDEX_INLINE static void gate(Rows<const T> wide, std::size_t width, Activation activation,
                                  Gate gate, T* out) {
    const std::size_t active = gate == Gate::kFirst ? 0 : width;
    for (std::size_t r = 0; r < wide.count; ++r, out += width) {
      const T* const gated = wide.values + r * wide.row + active;
      const T* const other = wide.values + r * wide.row + (width - active);
      Base::with_activation(activation, [&] [[gnu::always_inline]] (auto activate) {
        for (std::size_t i = 0; i < width; i += kWidth)
          store(activate(load(gated + i)) * load(other + i), out + i);
      });
    }
  }

  FORKDEX_INLINE static void gelu(std::span<Bf16> values) {
    std::size_t i = 0;
    for (; i + kWidth <= values.size(); i += kWidth)
      store(Base::gelu(load(values.data() + i)), values.data() + i);
    if (i == values.size()) return;
    Bf16 last[kWidth] = {};
    std::memcpy(last, values.data() + i, (values.size() - i) * sizeof(Bf16));
    store(Base::gelu(load(last)), last);
    std::memcpy(values.data() + i, last, (values.size() - i) * sizeof(Bf16));
  }
};

}  // namespace

// NOLINTBEGIN(bugprone-macro-parentheses): TARGET begins a declaration
#define FORKDEX_ROWS(generation, Processor, TARGET)                                               \
  TARGET void add_layer_norm_##generation(Rows<float> rows, const float* added,                   \
                                          std::span<const float> scale, const float* shift,       \
                                          float epsilon) {                                        \
    RowKernels<Processor>::add_layer_norm(rows, added, scale, shift, epsilon);                    \
  }                                                                                               \
  TARGET void rotate_##generation(Rows<float> rows, std::span<const std::size_t> lengths,         \
                                  std::size_t heads, std::size_t head_size, const float* turns) { \
    RowKernels<Processor>::rotate(rows, lengths, heads, head_size, turns);                        \
  }                                                                                               \
  TARGET void gate_##generation(Rows<const float> wide, std::size_t width, Activation activation, \
                                Gate gate, float* out) {                                          \
    RowKernels<Processor>::gate<float>(wide, width, activation, gate, out);                       \
  }                                                                                               \
  TARGET void add_layer_norm_##generation(Rows<Bf16> rows, const Bf16* added,                     \
                                          std::span<const float> scale, const float* shift,       \
                                          float epsilon) {                                        \
    RowKernels<Processor>::add_layer_norm(rows, added, scale, shift, epsilon);                    \
  }                                                                                               \
  TARGET void rotate_##generation(Rows<Bf16> rows, std::span<const std::size_t> lengths,          \
                                  std::size_t heads, std::size_t head_size, const float* turns) { \
    RowKernels<Processor>::rotate(rows, lengths, heads, head_size, turns);                        \
  }                                                                                               \
  TARGET void gate_##generation(Rows<const Bf16> wide, std::size_t width, Activation activation,  \
                                Gate gate, Bf16* out) {                                           \
    RowKernels<Processor>::gate<Bf16>(wide, width, activation, gate, out);                        \
  }                                                                                               \
  TARGET void gelu_##generation(std::span<Bf16> values) { RowKernels<Processor>::gelu(values); }
// NOLINTEND(bugprone-macro-parentheses)

FORKDEX_ROWS(portable, Portable, FORKDEX_TARGET_PORTABLE)
#if defined(__x86_64__)
FORKDEX_ROWS(avx2, Avx2, FORKDEX_TARGET_AVX2)
FORKDEX_ROWS(avx512, Avx512, FORKDEX_TARGET_AVX512)
FORKDEX_ROWS(avx512_bf16, Avx512Bf16, FORKDEX_TARGET_AVX512_BF16)
#endif

}  // namespace forkdex::kernels
