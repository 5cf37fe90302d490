// Attention by vectors: scores, softmax and the weighted sum of values, sequence by sequence and
// head by head, in fp32.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "worker/embed/encoder/kernels/generations.h"
#include "worker/embed/encoder/kernels/products.h"

namespace forkdex::kernels {
namespace {

// Working memory of one sequence and head, kept from one call to the next.
struct Scratch {
  std::vector<float> keys;    // transposed: head_size rows of `padded`
  std::vector<float> scores;  // kBlock rows of `padded`
  // Where the input is Bf16: it in fp32, without gaps between the tokens; and the output.
  std::vector<float> query, key, value, out;
};

constexpr std::size_t kBlock = 64;  // queries whose scores stay in the cache
constexpr float kLog2e = 1.44269504088896341f;

void grow(std::vector<float>& values, std::size_t size) {
  values.resize(std::max(values.size(), size));
}

// One head of one sequence, in fp32: each of the four is [length, head_size].
struct Head {
  MatrixView<const float> query;
  MatrixView<const float> key;
  MatrixView<const float> value;
  MatrixView<float> out;
  float slope;
  std::size_t window;
};

template <class Processor>
struct Attention : Products<Processor> {
  using Base = Products<Processor>;
  using Base::kRows;
  using Base::kWidth;
  using Base::load;
  using Base::store;
  using typename Base::Vec;

  // out = a · b, tile by tile. Columns of b and out are as many, a multiple of the width.
  FORKDEX_INLINE static void multiply(MatrixView<const float> a, MatrixView<const float> b,
                                      MatrixView<float> out) {
    std::size_t c = 0;
    for (; c + 2 * kWidth <= b.columns; c += 2 * kWidth)
      Base::template multiply_column<kRows, 2>(a, b.column_block(c, 2 * kWidth),
                                               out.column_block(c, 2 * kWidth));
    if (c < b.columns)
      Base::template multiply_column<kRows, 1>(a, b.column_block(c, kWidth),
                                               out.column_block(c, kWidth));
  }

  // Powers of 2 of the first `length` of `padded` values over the largest of them, in place; what
  // lies behind them means nothing. Their sum, by which they are to be divided for a softmax.
  FORKDEX_INLINE static float powers(float* row, std::size_t length, std::size_t padded) {
    // By a whole vector: a load that overlaps a smaller store waits for it.
    store(Base::cut(load(row + padded - kWidth), length - (padded - kWidth)),
          row + padded - kWidth);
    Vec tops = load(row);
    for (std::size_t i = kWidth; i < padded; i += kWidth) tops = Base::larger(tops, load(row + i));
    const float top = Base::largest(tops);
    Vec totals = {};
    for (std::size_t i = 0; i < padded; i += kWidth) {
      const Vec v = Base::power_of_two(load(row + i) - top);
      store(v, row + i);
      totals += v;
    }
    return Base::sum(totals);
  }

  // Four rows of four values, as columns.
  FORKDEX_INLINE static void transpose_square(const float* from, std::size_t from_row, float scale,
                                              float* to, std::size_t to_row) {
    using Four = Portable::Vec;
    Four rows[4];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      std::memcpy(&rows[r], from + r * from_row, sizeof(Four));
      rows[r] *= scale;
    }
    const Four low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const Four high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const Four low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const Four high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    const Four columns[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                             __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                             __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                             __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) std::memcpy(to + r * to_row, &columns[r], sizeof(Four));
  }

  // Keys, [length, head_size], as columns, [head_size, padded], scaled so that the softmax is one
  // to the base of 2; columns behind the last key are 0.
  FORKDEX_INLINE static void transpose_keys(MatrixView<const float> keys,
                                            MatrixView<float> columns) {
    const float scale = kLog2e / std::sqrt(static_cast<float>(keys.columns));
    std::size_t i = 0;
    for (; i + 4 <= keys.rows; i += 4)
      for (std::size_t d = 0; d < keys.columns; d += 4)
        transpose_square(keys.row(i) + d, keys.stride, scale, columns.row(d) + i, columns.stride);
    for (std::size_t d = 0; d < keys.columns; ++d) {
      for (std::size_t j = i; j < keys.rows; ++j) columns.row(d)[j] = keys.row(j)[d] * scale;
      for (std::size_t j = keys.rows; j < columns.columns; ++j) columns.row(d)[j] = 0;
    }
  }

  FORKDEX_INLINE static void attend_head(const Head& head, Scratch& scratch) {
    const std::size_t length = head.query.rows;
    const std::size_t size = head.query.columns;
    const std::size_t padded = (length + kWidth - 1) / kWidth * kWidth;
    const MatrixView<float> keys = {scratch.keys.data(), size, padded, padded};
    transpose_keys(head.key, keys);
    float sums[kBlock];
    for (std::size_t start = 0; start < length; start += kBlock) {
      const std::size_t rows = std::min(kBlock, length - start);
      // The keys that some of these queries see, from a full vector on.
      std::size_t first = 0, last = length;
      if (head.window != 0) {
        first = start > head.window ? (start - head.window) / kWidth * kWidth : 0;
        last = std::min(length, start + rows + head.window);
      }
      const std::size_t count = last - first;
      const std::size_t seen = (count + kWidth - 1) / kWidth * kWidth;
      const MatrixView<float> scores = {scratch.scores.data(), rows, seen, seen};
      multiply(head.query.row_block(start, rows), keys.column_block(first, seen), scores);
      for (std::size_t r = 0; r < rows; ++r) {
        Base::see_from(start + r, first, seen, head.slope * kLog2e, head.window, scores.row(r));
        sums[r] = powers(scores.row(r), count, seen);
      }
      const MatrixView<float> out = head.out.row_block(start, rows);
      multiply(scores.column_block(0, count), head.value.row_block(first, count), out);
      for (std::size_t r = 0; r < rows; ++r) {
        const float share = 1.0f / sums[r];
        for (std::size_t d = 0; d < size; d += kWidth)
          store(load(out.row(r) + d) * share, out.row(r) + d);
      }
    }
  }

  // Copies rows, whose columns are a multiple of the width, from one type to the other.
  template <class From, class To>
  FORKDEX_INLINE static void copy_rows(MatrixView<From> from, MatrixView<To> to) {
    for (std::size_t r = 0; r < from.rows; ++r)
      for (std::size_t i = 0; i < from.columns; i += kWidth)
        store(load(from.row(r) + i), to.row(r) + i);
  }

  // Attends with the head whose values begin at `column` of each token, for the `length` tokens
  // from `first` on.
  FORKDEX_INLINE static void attend_one(const AttentionInput<float>& in, std::size_t first,
                                        std::size_t length, std::size_t column, Scratch& scratch,
                                        float* out) {
    const float slope = in.slopes ? in.slopes[column / in.head_size] : 0.0f;
    const std::size_t at = first * in.row + column;
    const std::size_t size = in.head_size;
    const std::size_t width = in.heads * size;
    attend_head({.query = {in.query + at, length, size, in.row},
                 .key = {in.key + at, length, size, in.row},
                 .value = {in.value + at, length, size, in.row},
                 .out = {out + first * width + column, length, size, width},
                 .slope = slope,
                 .window = in.window},
                scratch);
  }

  FORKDEX_INLINE static void attend_one(const AttentionInput<Bf16>& in, std::size_t first,
                                        std::size_t length, std::size_t column, Scratch& scratch,
                                        Bf16* out) {
    const float slope = in.slopes ? in.slopes[column / in.head_size] : 0.0f;
    const std::size_t at = first * in.row + column;
    const std::size_t size = in.head_size;
    const std::size_t width = in.heads * size;
    const MatrixView<float> query = {scratch.query.data(), length, size, size};
    const MatrixView<float> key = {scratch.key.data(), length, size, size};
    const MatrixView<float> value = {scratch.value.data(), length, size, size};
    const MatrixView<float> result = {scratch.out.data(), length, size, size};
    copy_rows(MatrixView<const Bf16>{in.query + at, length, size, in.row}, query);
    copy_rows(MatrixView<const Bf16>{in.key + at, length, size, in.row}, key);
    copy_rows(MatrixView<const Bf16>{in.value + at, length, size, in.row}, value);
    attend_head({query, key, value, result, slope, in.window}, scratch);
    copy_rows(result, MatrixView<Bf16>{out + first * width + column, length, size, width});
  }

  template <class T>
  FORKDEX_INLINE static void attend(const AttentionInput<T>& input,
                                    std::span<const std::size_t> lengths, T* out) {
    thread_local Scratch scratch;
    const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
    const std::size_t padded = (longest + kWidth - 1) / kWidth * kWidth;
    grow(scratch.keys, padded * input.head_size);
    grow(scratch.scores, padded * kBlock);
    if constexpr (!std::is_same_v<T, float>)
      for (auto* copy : {&scratch.query, &scratch.key, &scratch.value, &scratch.out})
        grow(*copy, longest * input.head_size);
    std::size_t first = 0;
    for (const std::size_t length : lengths) {
      for (std::size_t head = 0; head < input.heads; ++head)
        attend_one(input, first, length, head * input.head_size, scratch, out);
      first += length;
    }
  }
};

}  // namespace

// NOLINTBEGIN(bugprone-macro-parentheses): TARGET begins a declaration
#define FORKDEX_ATTENTION(generation, Processor, TARGET)                              \
  TARGET void attend_##generation(const AttentionInput<float>& input,                 \
                                  std::span<const std::size_t> lengths, float* out) { \
    Attention<Processor>::attend(input, lengths, out);                                \
  }                                                                                   \
  TARGET void attend_##generation(const AttentionInput<Bf16>& input,                  \
                                  std::span<const std::size_t> lengths, Bf16* out) {  \
    Attention<Processor>::attend(input, lengths, out);                                \
  }
// NOLINTEND(bugprone-macro-parentheses)

FORKDEX_ATTENTION(portable, Portable, FORKDEX_TARGET_PORTABLE)
#if defined(__x86_64__)
FORKDEX_ATTENTION(avx2, Avx2, FORKDEX_TARGET_AVX2)
FORKDEX_ATTENTION(avx512, Avx512, FORKDEX_TARGET_AVX512)
FORKDEX_ATTENTION(avx512_bf16, Avx512Bf16, FORKDEX_TARGET_AVX512_BF16)
#endif

}  // namespace forkdex::kernels
