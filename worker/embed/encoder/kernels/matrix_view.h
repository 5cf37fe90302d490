#pragma once

// A matrix that another object owns, as kernels take it. The functions are forced inline: a copy
// that the linker shared could be one with the instructions of a newer processor generation.

#include <cstddef>
#include <type_traits>

namespace forkdex::kernels {

/// A matrix by rows: element (r, c) is data[r * stride + c]. Passed by value.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;  ///< elements from the start of a row to that of the next one

  /// Returns the start of row `r`.
  [[gnu::always_inline]] constexpr T* row(std::size_t r) const { return data + r * stride; }

  /// Returns a view of `count` rows from row `first` on. REQUIRES first + count <= rows.
  [[gnu::always_inline]] constexpr MatrixView row_block(std::size_t first,
                                                        std::size_t count) const {
    return {data + first * stride, count, columns, stride};
  }

  /// Returns a view of all rows from row `first` on. REQUIRES first <= rows.
  [[gnu::always_inline]] constexpr MatrixView rows_from(std::size_t first) const {
    return row_block(first, rows - first);
  }

  /// Returns a view of `count` columns from column `first` on. REQUIRES first + count <= columns.
  [[gnu::always_inline]] constexpr MatrixView column_block(std::size_t first,
                                                           std::size_t count) const {
    return {data + first, rows, count, stride};
  }

  [[gnu::always_inline]] constexpr operator MatrixView<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, rows, columns, stride};
  }
};

}  // namespace forkdex::kernels
