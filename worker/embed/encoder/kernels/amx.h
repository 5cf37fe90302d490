#pragma once

// What the kernels for AMX have in common. Instructions and layouts: Intel 64 and IA-32
// Architectures Software Developer's Manual, AMX. For the kernels' own files only.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "worker/embed/encoder/kernels/generation.h"

#define FORKDEX_TARGET_AMX                                                      \
  __attribute__((                                                               \
      target("amx-tile,amx-bf16,avx512bf16,avx512f,avx512bw,avx512dq,avx512vl," \
             "avx2,fma")))

namespace forkdex::kernels {

inline constexpr std::size_t kTile = 16;   // rows of a tile, and sums in each
inline constexpr std::size_t kDepth = 32;  // products that go into a sum at once
inline constexpr std::size_t kTileValues = kTile * kDepth;

/// What LDTILECFG reads: all eight tiles are 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Values aligned to a cache line, which grow and are not initialised.
template <class T>
class Buffer {
 public:
  T* get(std::size_t size) {
    if (size > size_) {
      constexpr std::size_t kLine = 64;
      values_.reset(static_cast<T*>(
          std::aligned_alloc(kLine, (size * sizeof(T) + kLine - 1) / kLine * kLine)));
      size_ = values_ ? size : 0;
      if (!values_) throw std::bad_alloc();
    }
    return values_.get();
  }

 private:
  struct Free {
    void operator()(T* values) const { std::free(values); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t size_ = 0;
};

/// Rows become columns: element c of row r of 32 bits goes to element r of row c.
FORKDEX_TARGET_AMX inline void transpose(__m512i (&rows)[16]) {
  __m512i parts[16];  // four rows at a time, within each quarter of a vector
  for (std::size_t i = 0; i < 16; i += 4) {
    const __m512i low01 = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    const __m512i high01 = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    const __m512i low23 = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
    const __m512i high23 = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    parts[i] = _mm512_unpacklo_epi64(low01, low23);
    parts[i + 1] = _mm512_unpackhi_epi64(low01, low23);
    parts[i + 2] = _mm512_unpacklo_epi64(high01, high23);
    parts[i + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
  for (std::size_t i = 0; i < 4; ++i) {  // then quarters change places
    const __m512i low0 = _mm512_shuffle_i32x4(parts[i], parts[4 + i], 0x44);
    const __m512i low1 = _mm512_shuffle_i32x4(parts[8 + i], parts[12 + i], 0x44);
    const __m512i high0 = _mm512_shuffle_i32x4(parts[i], parts[4 + i], 0xee);
    const __m512i high1 = _mm512_shuffle_i32x4(parts[8 + i], parts[12 + i], 0xee);
    rows[i] = _mm512_shuffle_i32x4(low0, low1, 0x88);
    rows[4 + i] = _mm512_shuffle_i32x4(low0, low1, 0xdd);
    rows[8 + i] = _mm512_shuffle_i32x4(high0, high1, 0x88);
    rows[12 + i] = _mm512_shuffle_i32x4(high0, high1, 0xdd);
  }
}

}  // namespace forkdex::kernels
