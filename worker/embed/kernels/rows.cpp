// What is done to every token by itself: residual with LayerNorm, and activations.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "worker/embed/kernels/generation.h"
#include "worker/embed/kernels/generations.h"

namespace forkdex::kernels {
namespace {

constexpr std::size_t kSums = 4;  // independent sums, so that one addition need not await the next

template <class Processor>
struct Rows : Generation<Processor> {
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

  template <class T>
  FORKDEX_INLINE static void add_layer_norm(std::span<T> rows, const T* added,
                                            std::span<const float> scale, const float* shift,
                                            float epsilon) {
    thread_local std::vector<float> scratch;
    const std::size_t size = scale.size();
    scratch.resize(std::max(scratch.size(), size));
    float* const line = scratch.data();
    const float share = 1.0f / static_cast<float>(size);
    for (T* row = rows.data(); row < rows.data() + rows.size(); row += size, added += size) {
      Vec totals[kSums] = {};
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t s) {
        const Vec v = load(row + i) + load(added + i);
        store(v, line + i);
        totals[s] += v;
      });
      const float mean = total(totals) * share;
      Vec squares[kSums] = {};
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t s) {
        const Vec v = load(line + i) - mean;
        squares[s] += v * v;
      });
      const float factor = 1.0f / std::sqrt(total(squares) * share + epsilon);
      each(size, [&] [[gnu::always_inline]] (std::size_t i, std::size_t) {
        store((load(line + i) - mean) * factor * load(scale.data() + i) + load(shift + i), row + i);
      });
    }
  }

  // Φ(x) - 1/2 is odd: x times a minimax polynomial in x², which ends where Φ is 1 to 1e-5.
  FORKDEX_INLINE static Vec gelu(Vec x) {
    constexpr float kEnd = 4.25f;
    const Vec bound = Base::larger(Base::smaller(x, Vec{} + kEnd), Vec{} - kEnd);
    const Vec square = bound * bound;
    Vec series = square * 4.546929e-11f - 4.5151918e-09f;
    series = series * square + 1.986123e-07f;
    series = series * square - 5.147452e-06f;
    series = series * square + 8.848854e-05f;
    series = series * square - 0.0010790746f;
    series = series * square + 0.009718769f;
    series = series * square - 0.066190265f;
    series = series * square + 0.3988192f;
    return x * (series * bound + 0.5f);
  }

  FORKDEX_INLINE static void gelu(std::span<Bf16> values) {
    std::size_t i = 0;
    for (; i + kWidth <= values.size(); i += kWidth)
      store(gelu(load(values.data() + i)), values.data() + i);
    if (i == values.size()) return;
    Bf16 last[kWidth] = {};
    std::memcpy(last, values.data() + i, (values.size() - i) * sizeof(Bf16));
    store(gelu(load(last)), last);
    std::memcpy(values.data() + i, last, (values.size() - i) * sizeof(Bf16));
  }
};

}  // namespace

#define FORKDEX_ROWS(generation, Processor, TARGET)                                         \
  TARGET void add_layer_norm_##generation(std::span<float> rows, const float* added,        \
                                          std::span<const float> scale, const float* shift, \
                                          float epsilon) {                                  \
    Rows<Processor>::add_layer_norm(rows, added, scale, shift, epsilon);                    \
  }                                                                                         \
  TARGET void add_layer_norm_##generation(std::span<Bf16> rows, const Bf16* added,          \
                                          std::span<const float> scale, const float* shift, \
                                          float epsilon) {                                  \
    Rows<Processor>::add_layer_norm(rows, added, scale, shift, epsilon);                    \
  }                                                                                         \
  TARGET void gelu_##generation(std::span<Bf16> values) { Rows<Processor>::gelu(values); }

FORKDEX_ROWS(portable, Portable, FORKDEX_TARGET_PORTABLE)
#if defined(__x86_64__)
FORKDEX_ROWS(avx2, Avx2, FORKDEX_TARGET_AVX2)
FORKDEX_ROWS(avx512, Avx512, FORKDEX_TARGET_AVX512)
FORKDEX_ROWS(avx512_bf16, Avx512Bf16, FORKDEX_TARGET_AVX512_BF16)
#endif

}  // namespace forkdex::kernels
