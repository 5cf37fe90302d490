// Attention by AMX: tiles of 16 x 16 sums over 32 products of Bf16 each. Scores of 32 queries with
// all keys of their sequence, a softmax in fp32, then the weighted sum of values.

#if defined(__x86_64__)

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "worker/embed/encoder/kernels/amx.h"
#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {
namespace {

using Vectors = Generation<Avx512Bf16>;

constexpr std::size_t kQueries = 32;  // seen to together
constexpr float kLog2e = 1.44269504088896341f;

/// Working memory of one sequence and head, kept from one call to the next.
struct Scratch {
  Buffer<Bf16> keys;     // tiles of 16 pairs of dimensions x 16 keys, by keys, then dimensions
  Buffer<Bf16> values;   // tiles of 16 pairs of keys x 16 dimensions, by keys, then dimensions
  Buffer<Bf16> queries;  // the last ones of a sequence, filled up to a tile
  Buffer<float> scores;  // kQueries rows of `padded`
  Buffer<Bf16> probabilities;  // the same, not divided by their sum yet
  Buffer<float> out;           // kQueries rows of head_size
};

/// One head of one sequence: each of the four is [length, head_size].
struct Head {
  MatrixView<const Bf16> query;
  MatrixView<const Bf16> key;
  MatrixView<const Bf16> value;
  MatrixView<Bf16> out;
  std::size_t padded;  // keys, filled up to a multiple of kDepth with zeros
  float slope;
  std::size_t window;
};

/// The keys that queries see, from a tile's first on; `padded` as in Head.
struct Seen {
  std::size_t first;
  std::size_t count;
  std::size_t padded;
};

Seen seen_by(const Head& head, std::size_t start, std::size_t rows) {
  if (head.window == 0) return {0, head.key.rows, head.padded};
  const std::size_t first = start > head.window ? (start - head.window) / kDepth * kDepth : 0;
  const std::size_t count = std::min(head.key.rows, start + rows + head.window) - first;
  return {first, count, (count + kDepth - 1) / kDepth * kDepth};
}

/// Kᵀ as the right-hand side of Q·Kᵀ wants it: a row of a tile has two dimensions of 16 keys.
FORKDEX_TARGET_AMX void pack_keys(const Head& head, Bf16* tile) {
  for (std::size_t key = 0; key < head.padded; key += kTile)
    for (std::size_t d = 0; d < head.key.columns; d += kDepth, tile += kTileValues) {
      __m512i rows[kTile];
      for (std::size_t i = 0; i < kTile; ++i)
        rows[i] = key + i < head.key.rows ? _mm512_loadu_si512(head.key.row(key + i) + d)
                                          : _mm512_setzero_si512();
      transpose(rows);
      for (std::size_t i = 0; i < kTile; ++i) _mm512_store_si512(tile + i * kDepth, rows[i]);
    }
}

FORKDEX_TARGET_AMX inline __m512i widened(const Head& head, std::size_t key, std::size_t d) {
  if (key >= head.value.rows) return _mm512_setzero_si512();
  const void* const from = head.value.row(key) + d;
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
}

/// V as the right-hand side of P·V wants it: a row of a tile has 16 dimensions of two keys.
FORKDEX_TARGET_AMX void pack_values(const Head& head, Bf16* tile) {
  for (std::size_t key = 0; key < head.padded; key += kDepth)
    for (std::size_t d = 0; d < head.value.columns; d += kTile, tile += kTileValues)
      for (std::size_t i = 0; i < kTile; ++i) {
        const __m512i even = widened(head, key + 2 * i, d);
        const __m512i odd = widened(head, key + 2 * i + 1, d);
        _mm512_store_si512(tile + i * kDepth, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
      }
}

/// The right-hand side of a product, as tiles: that of columns 16 t to 16 t + 15 for step k, 32
/// products long, is the one at t * column_stride + k * step_stride.
struct Tiles {
  const Bf16* data;
  std::size_t column_stride;  // tiles from one t to the next
  std::size_t step_stride;    // tiles from one k to the next
};

/// out = left · right for 16 or 32 rows, in pairs of tiles. `left` is [16 or 32, a multiple of 32];
/// `out` has as many rows and a multiple of 32 columns.
template <bool BothRows>
FORKDEX_TARGET_AMX void multiply(MatrixView<const Bf16> left, Tiles right, MatrixView<float> out) {
  const std::size_t left_bytes = left.stride * sizeof(Bf16);
  const std::size_t out_bytes = out.stride * sizeof(float);
  for (std::size_t c = 0; c < out.columns; c += 2 * kTile) {
    const Bf16* const first = right.data + c / kTile * right.column_stride * kTileValues;
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (BothRows) {
      _tile_zero(2);
      _tile_zero(3);
    }
    for (std::size_t k = 0; k * kDepth < left.columns; ++k) {
      const Bf16* const tile = first + k * right.step_stride * kTileValues;
      _tile_loadd(6, tile, kDepth * sizeof(Bf16));
      _tile_loadd(7, tile + right.column_stride * kTileValues, kDepth * sizeof(Bf16));
      _tile_loadd(4, left.data + k * kDepth, left_bytes);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (BothRows) {
        _tile_loadd(5, left.row(kTile) + k * kDepth, left_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
    _tile_stored(0, out.data + c, out_bytes);
    _tile_stored(1, out.data + c + kTile, out_bytes);
    if constexpr (BothRows) {
      _tile_stored(2, out.row(kTile) + c, out_bytes);
      _tile_stored(3, out.row(kTile) + c + kTile, out_bytes);
    }
  }
}

/// 2^x for x <= 0, to 8e-5 of its value, a fiftieth of what rounding it to Bf16 costs; 0 for
/// -infinity. A minimax polynomial over the fraction, scaled by the whole part (VSCALEFPS).
FORKDEX_TARGET_AMX inline __m512 power_of_two(__m512 x) {
  const __m512 r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  __m512 series = _mm512_fmadd_ps(r, _mm512_set1_ps(0.078024521f), _mm512_set1_ps(0.22606716f));
  series = _mm512_fmadd_ps(series, r, _mm512_set1_ps(0.69583356f));
  series = _mm512_fmadd_ps(series, r, _mm512_set1_ps(0.9999252f));
  return _mm512_scalef_ps(series, x);
}

/// Two vectors of scores or what became of them.
struct Pair {
  __m512 low;
  __m512 high;
};

FORKDEX_TARGET_AMX inline Pair powers(Pair scores, __m512 factor, __m512 top) {
  return {power_of_two(_mm512_fmsub_ps(scores.low, factor, top)),
          power_of_two(_mm512_fmsub_ps(scores.high, factor, top))};
}

FORKDEX_TARGET_AMX inline void store(Pair values, Bf16* out) {
  _mm512_store_si512(out, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(values.high, values.low)));
}

/// 2^(scale * (score - top)) of `length` scores, and 0 behind them up to `padded`. Returns their
/// sum.
FORKDEX_TARGET_AMX inline float exponentials(const float* scores, std::size_t length,
                                             std::size_t padded, float scale, Bf16* out) {
  const auto at = [&](std::size_t i) FORKDEX_TARGET_AMX -> Pair {
    return {_mm512_load_ps(scores + i), _mm512_load_ps(scores + i + Vectors::kWidth)};
  };
  // The end in registers: it would have to wait for what is stored over a part of it.
  const std::size_t last = padded - kDepth;
  const std::uint32_t seen = ~std::uint32_t{0} >> (padded - length);
  const __m512 none = _mm512_set1_ps(-INFINITY);
  Pair end = at(last);
  end.low = _mm512_mask_blend_ps(static_cast<__mmask16>(seen), none, end.low);
  end.high = _mm512_mask_blend_ps(static_cast<__mmask16>(seen >> Vectors::kWidth), none, end.high);
  Pair tops = end;
  for (std::size_t i = 0; i < last; i += kDepth) {
    const Pair some = at(i);
    tops = {_mm512_max_ps(tops.low, some.low), _mm512_max_ps(tops.high, some.high)};
  }
  const __m512 factor = _mm512_set1_ps(scale);
  const __m512 top =
      _mm512_set1_ps(_mm512_reduce_max_ps(_mm512_max_ps(tops.low, tops.high)) * scale);
  Pair totals = powers(end, factor, top);
  store(totals, out + last);
  for (std::size_t i = 0; i < last; i += kDepth) {
    const Pair some = powers(at(i), factor, top);
    store(some, out + i);
    totals = {_mm512_add_ps(totals.low, some.low), _mm512_add_ps(totals.high, some.high)};
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(totals.low, totals.high));
}

/// The queries from `start` on, at most kQueries.
template <bool BothRows>
FORKDEX_TARGET_AMX void attend_queries(const Head& head, std::size_t start, Scratch& scratch) {
  constexpr std::size_t kRows = BothRows ? kQueries : kTile;  // of the tiles
  const std::size_t size = head.query.columns;
  const std::size_t rows = std::min(head.query.rows - start, kRows);
  MatrixView<const Bf16> queries = head.query.row_block(start, rows);
  if (rows < kRows) {  // a tile would read past the end
    Bf16* const copy = scratch.queries.get(kQueries * size);
    for (std::size_t r = 0; r < rows; ++r)
      std::memcpy(copy + r * size, queries.row(r), size * sizeof(Bf16));
    queries = {copy, kRows, size, size};
  }
  const Seen seen = seen_by(head, start, rows);
  const Bf16* const keys = scratch.keys.get(0) + seen.first * size;
  const Bf16* const values = scratch.values.get(0) + seen.first * size;
  const MatrixView<float> scores = {scratch.scores.get(kQueries * head.padded), kRows, seen.padded,
                                    seen.padded};
  const MatrixView<Bf16> probabilities = {scratch.probabilities.get(kQueries * head.padded), kRows,
                                          seen.padded, seen.padded};
  const MatrixView<float> out = {scratch.out.get(kQueries * size), kRows, size, size};
  multiply<BothRows>(queries, {keys, size / kDepth, 1}, scores);
  const float root = std::sqrt(static_cast<float>(size));
  float sums[kQueries];
  for (std::size_t r = 0; r < rows; ++r) {
    float* const line = scores.row(r);
    Vectors::see_from(start + r, seen.first, seen.padded, head.slope * root, head.window, line);
    sums[r] = exponentials(line, seen.count, seen.padded, kLog2e / root, probabilities.row(r));
  }
  multiply<BothRows>(probabilities, {values, 1, size / kTile}, out);
  for (std::size_t r = 0; r < rows; ++r) {
    const float share = 1.0f / sums[r];
    for (std::size_t d = 0; d < size; d += Vectors::kWidth)
      Vectors::store(Vectors::load(out.row(r) + d) * share, head.out.row(start + r) + d);
  }
}

FORKDEX_TARGET_AMX void attend_head(const Head& head, Scratch& scratch) {
  const std::size_t length = head.query.rows;
  pack_keys(head, scratch.keys.get(head.padded * head.key.columns));
  pack_values(head, scratch.values.get(head.padded * head.value.columns));
  std::size_t start = 0;
  for (; start + kTile < length; start += kQueries) attend_queries<true>(head, start, scratch);
  if (start < length) attend_queries<false>(head, start, scratch);
}

}  // namespace

FORKDEX_TARGET_AMX void attend_amx(const AttentionInput<Bf16>& input,
                                   std::span<const std::size_t> lengths, Bf16* out) {
  if (input.head_size % kDepth != 0) return attend_avx512_bf16(input, lengths, out);
  thread_local Scratch scratch;
  const TileConfig config;
  _tile_loadconfig(&config);
  const std::size_t size = input.head_size;
  const std::size_t width = input.heads * size;
  std::size_t first = 0;
  for (const std::size_t length : lengths) {
    for (std::size_t h = 0; h < input.heads; ++h) {
      const std::size_t at = first * input.row + h * size;
      const std::size_t padded = (length + kDepth - 1) / kDepth * kDepth;
      attend_head({.query = {input.query + at, length, size, input.row},
                   .key = {input.key + at, length, size, input.row},
                   .value = {input.value + at, length, size, input.row},
                   .out = {out + first * width + h * size, length, size, width},
                   .padded = padded,
                   .slope = input.slopes ? input.slopes[h] : 0.0f,
                   .window = input.window},
                  scratch);
    }
    first += length;
  }
  _tile_release();
}

bool may_use_amx() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
         ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace forkdex::kernels

#endif
