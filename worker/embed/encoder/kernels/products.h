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

  // out = addend + a · b for the first Rows rows of [rows, depth] a and the first Columns vectors
  // of [depth, columns] b; `addend` may be `out`. The unrolled loops keep the sums in registers.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_tile(MatrixView<const float> a, MatrixView<const float> b,
                                           MatrixView<float> out, Addend addend = {}) {
    Vec sums[Rows][Columns];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c)
        sums[r][c] = addend.values ? load(addend.values + r * addend.row + c * kWidth) : Vec{};
    for (std::size_t k = 0; k < a.columns; ++k) {
      Vec line[Columns];
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c) line[c] = load(b.row(k) + c * kWidth);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < Rows; ++r) {
        const Vec factor = a.row(r)[k] - Vec{};
#pragma GCC unroll 2
        for (std::size_t c = 0; c < Columns; ++c) sums[r][c] += factor * line[c];
      }
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (std::size_t c = 0; c < Columns; ++c) store(sums[r][c], out.row(r) + c * kWidth);
  }

  // The same for all rows of `a`: as many tiles of Rows rows as there are in it; then smaller ones.
  template <std::size_t Rows, std::size_t Columns>
  FORKDEX_INLINE static void multiply_column(MatrixView<const float> a, MatrixView<const float> b,
                                             MatrixView<float> out, Addend addend = {}) {
    while (a.rows >= Rows) {
      multiply_tile<Rows, Columns>(a, b, out, addend);
      a = a.rows_from(Rows);
      out = out.rows_from(Rows);
      addend.values += Rows * addend.row;
    }
    if constexpr (Rows > 1) multiply_column<Rows / 2, Columns>(a, b, out, addend);
  }
};

}  // namespace forkdex::kernels
