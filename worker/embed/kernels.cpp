#include "worker/embed/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

// One source for all generations: every function of Generation is forced inline into a function
// that carries the generation's target attribute, so the same vector code becomes AVX-512, AVX2 or
// SSE2 instructions, and nothing else of the program is compiled for them. No vector crosses a
// call, which is what -Wpsabi warns of.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace forkdex::kernels {
namespace {

#define FORKDEX_INLINE [[gnu::always_inline]] inline

// Working memory of one sequence and head, kept from one call to the next.
struct Scratch {
  std::vector<float> keys;    // transposed: head_size rows of `padded`
  std::vector<float> scores;  // kBlock rows of `padded`
};

constexpr std::size_t kBlock = 64;  // queries whose scores stay in the cache

// What a generation works with: its vectors, and how many rows of two vectors fit its registers.
struct Portable {
  using Vec = float __attribute__((vector_size(16)));
  using IntVec = std::int32_t __attribute__((vector_size(16)));
  static constexpr std::size_t kRows = 4;
};
struct Avx2 {
  using Vec = float __attribute__((vector_size(32)));
  using IntVec = std::int32_t __attribute__((vector_size(32)));
  static constexpr std::size_t kRows = 4;
};
struct Avx512 {
  using Vec = float __attribute__((vector_size(64)));
  using IntVec = std::int32_t __attribute__((vector_size(64)));
  static constexpr std::size_t kRows = 8;
};

template <class Processor>
struct Generation {
  using Vec = typename Processor::Vec;
  using IntVec = typename Processor::IntVec;
  static constexpr std::size_t kWidth = sizeof(Vec) / sizeof(float);
  static constexpr std::size_t kRows = Processor::kRows;

  FORKDEX_INLINE static Vec load(const float* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  FORKDEX_INLINE static void store(const Vec& v, float* to) { std::memcpy(to, &v, sizeof v); }

  // Element i of the result is element i ^ distance of `v`.
  FORKDEX_INLINE static Vec exchange(Vec v, std::int32_t distance) {
    IntVec order;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kWidth; ++i) order[i] = static_cast<std::int32_t>(i) ^ distance;
    return __builtin_shuffle(v, order);
  }

  FORKDEX_INLINE static float sum(Vec v) {
#pragma GCC unroll 4
    for (std::int32_t distance = kWidth / 2; distance > 0; distance /= 2)
      v += exchange(v, distance);
    return v[0];
  }

  FORKDEX_INLINE static Vec larger(Vec a, Vec b) { return a > b ? a : b; }

  FORKDEX_INLINE static float largest(Vec v) {
#pragma GCC unroll 4
    for (std::int32_t distance = kWidth / 2; distance > 0; distance /= 2)
      v = larger(v, exchange(v, distance));
    return v[0];
  }

  // e^x for x <= 0, to 1e-7 of its value; x below -87 counts as -87. It is 2^n times the Taylor
  // series of the rest, which lies within half a binary order of 0.
  FORKDEX_INLINE static Vec exponential(Vec x) {
    constexpr float kLog2e = 1.44269504088896341f;
    constexpr float kLn2High = 0.693359375f;  // few bits: its product with n is exact
    constexpr float kLn2Low = -2.12194440e-4f;
    x = x < -87.0f ? Vec{} - 87.0f : x;
    const IntVec n = __builtin_convertvector(x * kLog2e - 0.5f, IntVec);
    const Vec whole = __builtin_convertvector(n, Vec);
    const Vec r = x - whole * kLn2High - whole * kLn2Low;
    Vec series = r * (1.0f / 5040) + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 0.5f;
    series = series * r * r + r + 1.0f;
    const IntVec bits = (n + 127) << 23;
    Vec power;
    std::memcpy(&power, &bits, sizeof power);
    return series * power;
  }

  // out[Rows][Columns vectors] = a · b, where rows of a and b lie a_row and b_row values apart.
  // The unrolled loops keep the sums in registers.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_tile(const float* a, std::size_t a_row, const float* b,
                                           std::size_t b_row, std::size_t depth, float* out,
                                           std::size_t out_row) {
    Vec sums[Rows][Columns];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c) sums[r][c] = Vec{};
    for (std::size_t k = 0; k < depth; ++k) {
      Vec line[Columns];
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c) line[c] = load(b + k * b_row + c * kWidth);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < Rows; ++r) {
        const Vec factor = a[r * a_row + k] - Vec{};
#pragma GCC unroll 2
        for (std::size_t c = 0; c < Columns; ++c) sums[r][c] += factor * line[c];
      }
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c) store(sums[r][c], out + r * out_row + c * kWidth);
  }

  // As many tiles of Rows rows as fit below `rows`, from row `r` on; then smaller ones.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_column(const float* a, std::size_t a_row, const float* b,
                                             std::size_t b_row, std::size_t r, std::size_t rows,
                                             std::size_t depth, float* out, std::size_t out_row) {
    for (; r + Rows <= rows; r += Rows)
      multiply_tile<Rows, Columns>(a + r * a_row, a_row, b, b_row, depth, out + r * out_row,
                                   out_row);
    if constexpr (Rows > 1)
      multiply_column<Rows / 2, Columns>(a, a_row, b, b_row, r, rows, depth, out, out_row);
  }

  // out = a · b for `rows` rows and `columns` columns (a multiple of the width), tile by tile.
  FORKDEX_INLINE static void multiply(const float* a, std::size_t a_row, const float* b,
                                      std::size_t b_row, std::size_t rows, std::size_t columns,
                                      std::size_t depth, float* out, std::size_t out_row) {
    std::size_t c = 0;
    for (; c + 2 * kWidth <= columns; c += 2 * kWidth)
      multiply_column<kRows, 2>(a, a_row, b + c, b_row, 0, rows, depth, out + c, out_row);
    if (c < columns)
      multiply_column<kRows, 1>(a, a_row, b + c, b_row, 0, rows, depth, out + c, out_row);
  }

  // Softmax over the first `length` of `padded` values; what lies behind them means nothing.
  FORKDEX_INLINE static void softmax(float* row, std::size_t length, std::size_t padded) {
    for (std::size_t i = length; i < padded; ++i) row[i] = -INFINITY;
    Vec tops = load(row);
    for (std::size_t i = kWidth; i < padded; i += kWidth) tops = larger(tops, load(row + i));
    const float top = largest(tops);
    Vec totals = {};
    for (std::size_t i = 0; i < padded; i += kWidth) {
      const Vec v = exponential(load(row + i) - top);
      store(v, row + i);
      totals += v;
    }
    const float scale = 1.0f / sum(totals);
    for (std::size_t i = 0; i < padded; i += kWidth) store(load(row + i) * scale, row + i);
  }

  // Four rows of four values, as columns.
  FORKDEX_INLINE static void transpose_square(const float* from, std::size_t from_row, float scale,
                                              float* to, std::size_t to_row) {
    using Four = Portable::Vec;
    using Order = Portable::IntVec;
    Four rows[4];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      std::memcpy(&rows[r], from + r * from_row, sizeof(Four));
      rows[r] *= scale;
    }
    const Four low01 = __builtin_shuffle(rows[0], rows[1], Order{0, 4, 1, 5});
    const Four high01 = __builtin_shuffle(rows[0], rows[1], Order{2, 6, 3, 7});
    const Four low23 = __builtin_shuffle(rows[2], rows[3], Order{0, 4, 1, 5});
    const Four high23 = __builtin_shuffle(rows[2], rows[3], Order{2, 6, 3, 7});
    const Four columns[4] = {__builtin_shuffle(low01, low23, Order{0, 1, 4, 5}),
                             __builtin_shuffle(low01, low23, Order{2, 3, 6, 7}),
                             __builtin_shuffle(high01, high23, Order{0, 1, 4, 5}),
                             __builtin_shuffle(high01, high23, Order{2, 3, 6, 7})};
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) std::memcpy(to + r * to_row, &columns[r], sizeof(Four));
  }

  // Keys as columns, scaled by 1/√head_size; columns behind the last key are 0.
  FORKDEX_INLINE static void transpose_keys(const float* key, std::size_t row, std::size_t length,
                                            std::size_t padded, std::size_t head_size,
                                            float* keys) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_size));
    std::size_t i = 0;
    for (; i + 4 <= length; i += 4)
      for (std::size_t d = 0; d < head_size; d += 4)
        transpose_square(key + i * row + d, row, scale, keys + d * padded + i, padded);
    for (std::size_t d = 0; d < head_size; ++d) {
      for (std::size_t j = i; j < length; ++j) keys[d * padded + j] = key[j * row + d] * scale;
      for (std::size_t j = length; j < padded; ++j) keys[d * padded + j] = 0;
    }
  }

  FORKDEX_INLINE static void attend_head(const AttentionInput& input, std::size_t offset,
                                         std::size_t length, Scratch& scratch, float* out) {
    const std::size_t row = input.heads * input.head_size;
    const std::size_t padded = (length + kWidth - 1) / kWidth * kWidth;
    transpose_keys(input.key + offset, row, length, padded, input.head_size, scratch.keys.data());
    for (std::size_t start = 0; start < length; start += kBlock) {
      const std::size_t rows = std::min(kBlock, length - start);
      multiply(input.query + offset + start * row, row, scratch.keys.data(), padded, rows, padded,
               input.head_size, scratch.scores.data(), padded);
      for (std::size_t r = 0; r < rows; ++r)
        softmax(scratch.scores.data() + r * padded, length, padded);
      multiply(scratch.scores.data(), padded, input.value + offset, row, rows, input.head_size,
               length, out + offset + start * row, row);
    }
  }

  FORKDEX_INLINE static void attend(const AttentionInput& input,
                                    std::span<const std::size_t> lengths, float* out) {
    thread_local Scratch scratch;
    const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
    const std::size_t padded = (longest + kWidth - 1) / kWidth * kWidth;
    scratch.keys.resize(std::max(scratch.keys.size(), padded * input.head_size));
    scratch.scores.resize(std::max(scratch.scores.size(), padded * kBlock));
    std::size_t first = 0;
    for (const std::size_t length : lengths) {
      for (std::size_t head = 0; head < input.heads; ++head)
        attend_head(input, (first * input.heads + head) * input.head_size, length, scratch, out);
      first += length;
    }
  }

  FORKDEX_INLINE static void add_layer_norm(std::span<float> rows, const float* residual,
                                            std::span<const float> scale, const float* shift,
                                            float epsilon) {
    const std::size_t size = scale.size();
    const float share = 1.0f / static_cast<float>(size);
    for (float* row = rows.data(); row < rows.data() + rows.size(); row += size, residual += size) {
      Vec totals = {};
      for (std::size_t i = 0; i < size; i += kWidth) {
        const Vec v = load(row + i) + load(residual + i);
        store(v, row + i);
        totals += v;
      }
      const float mean = sum(totals) * share;
      Vec squares = {};
      for (std::size_t i = 0; i < size; i += kWidth) {
        const Vec v = load(row + i) - mean;
        squares += v * v;
      }
      const float factor = 1.0f / std::sqrt(sum(squares) * share + epsilon);
      for (std::size_t i = 0; i < size; i += kWidth)
        store((load(row + i) - mean) * factor * load(scale.data() + i) + load(shift + i), row + i);
    }
  }
};

#define FORKDEX_KERNELS(generation, Processor, ...)                                              \
  __VA_ARGS__ void attend_##generation(const AttentionInput& input,                              \
                                       std::span<const std::size_t> lengths, float* out) {       \
    Generation<Processor>::attend(input, lengths, out);                                          \
  }                                                                                              \
  __VA_ARGS__ void add_layer_norm_##generation(std::span<float> rows, const float* residual,     \
                                               std::span<const float> scale, const float* shift, \
                                               float epsilon) {                                  \
    Generation<Processor>::add_layer_norm(rows, residual, scale, shift, epsilon);                \
  }

FORKDEX_KERNELS(portable, Portable)
#if defined(__x86_64__)
FORKDEX_KERNELS(avx2, Avx2, __attribute__((target("avx2,fma"))))
FORKDEX_KERNELS(avx512, Avx512,
                __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))))

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

constexpr Set kSets[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, attend_avx512, add_layer_norm_avx512},
    {"avx2", has_avx2, attend_avx2, add_layer_norm_avx2},
#endif
    {"portable", [] { return true; }, attend_portable, add_layer_norm_portable},
};

}  // namespace

std::span<const Set> all() { return kSets; }

const Set& best() {
  static const Set& chosen = *std::find_if(std::begin(kSets), std::end(kSets),
                                           [](const Set& s) { return s.is_supported(); });
  return chosen;
}

}  // namespace forkdex::kernels
