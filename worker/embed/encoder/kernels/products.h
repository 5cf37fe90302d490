#pragma once

// fp32 matrix products in vector registers. For the kernels' own files only.

#include <cstddef>

#include "worker/embed/encoder/kernels/generation.h"

namespace forkdex::kernels {

/// What is added to a product: rows of values, `row` from one to the next. 0 repeats one row, null
/// adds nothing.
struct Addend {
  const float* values = nullptr;
  std::size_t row = 0;
};

template <class Processor>
struct Products : Generation<Processor> {
  using Base = Generation<Processor>;
  using Base::kWidth;
  using Base::load;
  using Base::store;
  using typename Base::Vec;
  static constexpr std::size_t kRows = Processor::kRows;

  // out[Rows][Columns vectors] = addend + a · b, where rows of a and b lie a_row and b_row values
  // apart; `addend` may be `out`. The unrolled loops keep the sums in registers.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_tile(const float* a, std::size_t a_row, const float* b,
                                           std::size_t b_row, std::size_t depth, float* out,
                                           std::size_t out_row, Addend addend = {}) {
    Vec sums[Rows][Columns];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c)
        sums[r][c] = addend.values ? load(addend.values + r * addend.row + c * kWidth) : Vec{};
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

  // As many tiles of Rows rows as there are in `rows`; then smaller ones.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_column(const float* a, std::size_t a_row, const float* b,
                                             std::size_t b_row, std::size_t rows, std::size_t depth,
                                             float* out, std::size_t out_row, Addend addend = {}) {
    for (; rows >= Rows; rows -= Rows, a += Rows * a_row, out += Rows * out_row) {
      multiply_tile<Rows, Columns>(a, a_row, b, b_row, depth, out, out_row, addend);
      addend.values += Rows * addend.row;
    }
    if constexpr (Rows > 1)
      multiply_column<Rows / 2, Columns>(a, a_row, b, b_row, rows, depth, out, out_row, addend);
  }
};

}  // namespace forkdex::kernels
