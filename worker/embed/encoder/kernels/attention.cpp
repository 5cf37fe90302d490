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

// One head of one sequence, in fp32; each of the four has its own distance between tokens.
struct Head {
  const float* query;
  const float* key;
  const float* value;
  std::size_t row;
  float* out;
  std::size_t out_row;
  std::size_t length;
  std::size_t head_size;
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

  // out = a · b for `rows` rows and `columns` columns (a multiple of the width), tile by tile.
  FORKDEX_INLINE static void multiply(const float* a, std::size_t a_row, const float* b,
                                      std::size_t b_row, std::size_t rows, std::size_t columns,
                                      std::size_t depth, float* out, std::size_t out_row) {
    std::size_t c = 0;
    for (; c + 2 * kWidth <= columns; c += 2 * kWidth)
      Base::template multiply_column<kRows, 2>(a, a_row, b + c, b_row, rows, depth, out + c,
                                               out_row);
    if (c < columns)
      Base::template multiply_column<kRows, 1>(a, a_row, b + c, b_row, rows, depth, out + c,
                                               out_row);
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

  // Keys as columns, scaled so that the softmax is one to the base of 2; columns behind the last
  // key are 0.
  FORKDEX_INLINE static void transpose_keys(const Head& head, std::size_t padded, float* keys) {
    const float scale = kLog2e / std::sqrt(static_cast<float>(head.head_size));
    std::size_t i = 0;
    for (; i + 4 <= head.length; i += 4)
      for (std::size_t d = 0; d < head.head_size; d += 4)
        transpose_square(head.key + i * head.row + d, head.row, scale, keys + d * padded + i,
                         padded);
    for (std::size_t d = 0; d < head.head_size; ++d) {
      for (std::size_t j = i; j < head.length; ++j)
        keys[d * padded + j] = head.key[j * head.row + d] * scale;
      for (std::size_t j = head.length; j < padded; ++j) keys[d * padded + j] = 0;
    }
  }

  FORKDEX_INLINE static void attend_head(const Head& head, Scratch& scratch) {
    const std::size_t padded = (head.length + kWidth - 1) / kWidth * kWidth;
    transpose_keys(head, padded, scratch.keys.data());
    float* const scores = scratch.scores.data();
    float sums[kBlock];
    for (std::size_t start = 0; start < head.length; start += kBlock) {
      const std::size_t rows = std::min(kBlock, head.length - start);
      // The keys that some of these queries see, from a full vector on.
      std::size_t first = 0, last = head.length;
      if (head.window != 0) {
        first = start > head.window ? (start - head.window) / kWidth * kWidth : 0;
        last = std::min(head.length, start + rows + head.window);
      }
      const std::size_t seen = (last - first + kWidth - 1) / kWidth * kWidth;
      multiply(head.query + start * head.row, head.row, scratch.keys.data() + first, padded, rows,
               seen, head.head_size, scores, seen);
      for (std::size_t r = 0; r < rows; ++r) {
        Base::see_from(start + r, first, seen, head.slope * kLog2e, head.window, scores + r * seen);
        sums[r] = powers(scores + r * seen, last - first, seen);
      }
      multiply(scores, seen, head.value + first * head.row, head.row, rows, head.head_size,
               last - first, head.out + start * head.out_row, head.out_row);
      for (std::size_t r = 0; r < rows; ++r) {
        float* const out = head.out + (start + r) * head.out_row;
        const float share = 1.0f / sums[r];
        for (std::size_t d = 0; d < head.head_size; d += kWidth)
          store(load(out + d) * share, out + d);
      }
    }
  }

  // Copies `rows` rows of `size` values, a multiple of the width, from one type to the other.
  template <class From, class To>
  FORKDEX_INLINE static void copy_rows(const From* from, std::size_t from_row, std::size_t rows,
                                       std::size_t size, To* to, std::size_t to_row) {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t i = 0; i < size; i += kWidth)
        store(load(from + r * from_row + i), to + r * to_row + i);
  }

  FORKDEX_INLINE static void attend_one(const AttentionInput<float>& in, std::size_t first,
                                        std::size_t length, std::size_t column, Scratch& scratch,
                                        float* out) {
    const float slope = in.slopes ? in.slopes[column / in.head_size] : 0.0f;
    const std::size_t at = first * in.row + column;
    const std::size_t width = in.heads * in.head_size;
    attend_head({in.query + at, in.key + at, in.value + at, in.row, out + first * width + column,
                 width, length, in.head_size, slope, in.window},
                scratch);
  }

  FORKDEX_INLINE static void attend_one(const AttentionInput<Bf16>& in, std::size_t first,
                                        std::size_t length, std::size_t column, Scratch& scratch,
                                        Bf16* out) {
    const float slope = in.slopes ? in.slopes[column / in.head_size] : 0.0f;
    const std::size_t at = first * in.row + column;
    const std::size_t size = in.head_size;
    const std::size_t width = in.heads * size;
    copy_rows(in.query + at, in.row, length, size, scratch.query.data(), size);
    copy_rows(in.key + at, in.row, length, size, scratch.key.data(), size);
    copy_rows(in.value + at, in.row, length, size, scratch.value.data(), size);
    attend_head({scratch.query.data(), scratch.key.data(), scratch.value.data(), size,
                 scratch.out.data(), size, length, size, slope, in.window},
                scratch);
    copy_rows(scratch.out.data(), size, length, size, out + first * width + column, width);
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
