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

  // A layer's norm: scale and shift of each column.
  struct Norm {
    const float* scale;
    const float* shift;
    float epsilon;
  };

  // `Count` rows from `first` on, pass by pass, so that one's sums are added up while the other's
  // are made; `lines` has room for both.
  template <std::size_t Count, bool IsAdded, class T>
  FORKDEX_INLINE static void norm_rows(MatrixView<T> x, std::size_t first, const T* added,
                                       const Norm& norm, float* lines) {
    const std::size_t size = x.columns;
    const float share = 1.0f / static_cast<float>(size);
    float means[Count], factors[Count];
    for (std::size_t n = 0; n < Count; ++n) {
      const T* const row = x.row(first + n);
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
      factors[n] = 1.0f / std::sqrt(total(squares) * share + norm.epsilon);
    }
    for (std::size_t n = 0; n < Count; ++n) {
      T* const row = x.row(first + n);
      const float offset = -means[n] * factors[n];
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t) {
        const Vec v = load(lines + n * size + i) * factors[n] + offset;
        store(v * load(norm.scale + i) + load(norm.shift + i), row + i);
      });
    }
  }

  template <bool IsAdded, class T>
  FORKDEX_INLINE static void norm_all(MatrixView<T> x, const T* added, const Norm& norm,
                                      float* lines) {
    std::size_t r = 0;
    for (; r + 2 <= x.rows; r += 2) norm_rows<2, IsAdded>(x, r, added, norm, lines);
    if (r < x.rows) norm_rows<1, IsAdded>(x, r, added, norm, lines);
  }

  template <class T>
  FORKDEX_INLINE static void add_layer_norm(MatrixView<T> x, const T* added, const Norm& norm) {
    thread_local std::vector<float> lines;
    lines.resize(std::max(lines.size(), 2 * x.columns));
    if (added)
      norm_all<true>(x, added, norm, lines.data());
    else
      norm_all<false>(x, added, norm, lines.data());
  }

  template <class T>
  FORKDEX_INLINE static void rotate_head(T* head, std::size_t head_size, const float* turns) {
    const std::size_t half = head_size / 2;
    for (std::size_t i = 0; i < half; i += kWidth) {
      const Vec x = load(head + i);
      const Vec y = load(head + half + i);
      const Vec cosine = load(turns + i);
      const Vec sine = load(turns + half + i);
      store(x * cosine - y * sine, head + i);
      store(y * cosine + x * sine, head + half + i);
    }
  }

  template <class T>
  FORKDEX_INLINE static void rotate(MatrixView<T> heads, std::span<const std::size_t> lengths,
                                    std::size_t head_size, const float* turns) {
    std::size_t token = 0;
    for (const std::size_t length : lengths)
      for (std::size_t place = 0; place < length; ++place, ++token)
        for (std::size_t column = 0; column < heads.columns; column += head_size)
          rotate_head(heads.row(token) + column, head_size, turns + place * head_size);
  }

  template <class T>
  FORKDEX_INLINE static void gate(MatrixView<const T> wide, Activation activation, Gate gate,
                                  T* out) {
    const std::size_t width = wide.columns / 2;
    const MatrixView<const T> first = wide.column_block(0, width);
    const MatrixView<const T> second = wide.column_block(width, width);
    const MatrixView<const T> active = gate == Gate::kFirst ? first : second;
    const MatrixView<const T> other = gate == Gate::kFirst ? second : first;
    for (std::size_t r = 0; r < wide.rows; ++r, out += width) {
      Base::with_activation(activation, [&] [[gnu::always_inline]] (auto activate) {
        for (std::size_t i = 0; i < width; i += kWidth)
          store(activate(load(active.row(r) + i)) * load(other.row(r) + i), out + i);
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
#define FORKDEX_ROWS(generation, Processor, TARGET)                                                \
  TARGET void add_layer_norm_##generation(MatrixView<float> x, const float* added,                 \
                                          const float* scale, const float* shift, float epsilon) { \
    RowKernels<Processor>::add_layer_norm<float>(x, added, {scale, shift, epsilon});               \
  }                                                                                                \
  TARGET void rotate_##generation(MatrixView<float> heads, std::span<const std::size_t> lengths,   \
                                  std::size_t head_size, const float* turns) {                     \
    RowKernels<Processor>::rotate(heads, lengths, head_size, turns);                               \
  }                                                                                                \
  TARGET void gate_##generation(MatrixView<const float> wide, Activation activation, Gate gate,    \
                                float* out) {                                                      \
    RowKernels<Processor>::gate(wide, activation, gate, out);                                      \
  }                                                                                                \
  TARGET void add_layer_norm_##generation(MatrixView<Bf16> x, const Bf16* added,                   \
                                          const float* scale, const float* shift, float epsilon) { \
    RowKernels<Processor>::add_layer_norm<Bf16>(x, added, {scale, shift, epsilon});                \
  }                                                                                                \
  TARGET void rotate_##generation(MatrixView<Bf16> heads, std::span<const std::size_t> lengths,    \
                                  std::size_t head_size, const float* turns) {                     \
    RowKernels<Processor>::rotate(heads, lengths, head_size, turns);                               \
  }                                                                                                \
  TARGET void gate_##generation(MatrixView<const Bf16> wide, Activation activation, Gate gate,     \
                                Bf16* out) {                                                       \
    RowKernels<Processor>::gate(wide, activation, gate, out);                                      \
  }                                                                                                \
  TARGET void gelu_##generation(std::span<Bf16> values) { RowKernels<Processor>::gelu(values); }
// NOLINTEND(bugprone-macro-parentheses)

FORKDEX_ROWS(portable, Portable, FORKDEX_TARGET_PORTABLE)
#if defined(__x86_64__)
FORKDEX_ROWS(avx2, Avx2, FORKDEX_TARGET_AVX2)
FORKDEX_ROWS(avx512, Avx512, FORKDEX_TARGET_AVX512)
FORKDEX_ROWS(avx512_bf16, Avx512Bf16, FORKDEX_TARGET_AVX512_BF16)
#endif

}  // namespace forkdex::kernels
