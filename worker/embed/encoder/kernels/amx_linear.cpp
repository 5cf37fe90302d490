// Linear layers by AMX, on weights that lie as tiles. While the tiles of one block of outputs are
// multiplied, the block before it gets its bias and activation and is rounded: the two use
// different units of the processor, so an activation costs next to nothing.

#if defined(__x86_64__)

#include <algorithm>

#include "worker/embed/encoder/kernels/amx.h"
#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {
namespace {

using Vectors = Generation<Avx512Bf16>;

constexpr std::size_t kBlock = 32;  // rows, and outputs, of what is computed at once
static_assert(kBlock == kAmxRows, "rows that are no full block would not be computed");
static_assert(kBlock == kPanelPair && kTile == kPanel && kDepth == 32, "as pack() orders weights");
// Weights beyond what stays in the second-level cache beside everything else.
constexpr std::size_t kBigWeights = std::size_t{3} << 19;

enum class Finish { kNothing, kGelu, kGatedGelu, kGatedSilu };

/// A block whose sums are there: 32 rows of 32.
struct Sums {
  const float* values = nullptr;
  const float* bias = nullptr;  // of its outputs
  Bf16* out = nullptr;
  std::size_t rows = 0;  // that are not finished yet
};

/// Bias, activation and rounding of one row of a block.
template <Finish finish>
FORKDEX_TARGET_AMX inline void finish_row(const float* sums, const float* bias, Bf16* out) {
  using Vec = Vectors::Vec;
  const Vec first = Vectors::load(sums) + Vectors::load(bias);
  const Vec second = Vectors::load(sums + kTile) + Vectors::load(bias + kTile);
  if constexpr (finish == Finish::kNothing || finish == Finish::kGelu) {
    const Vec low = finish == Finish::kGelu ? Vectors::gelu(first) : first;
    const Vec high = finish == Finish::kGelu ? Vectors::gelu(second) : second;
    Vectors::store(low, out);
    Vectors::store(high, out + kTile);
  } else {
    const Vec gate = finish == Finish::kGatedGelu ? Vectors::gelu(first) : Vectors::silu(first);
    Vectors::store(gate * second, out);
  }
}

template <Finish finish>
FORKDEX_TARGET_AMX inline void finish_rows(Sums& block, std::size_t count, std::size_t width) {
  for (count = std::min(count, block.rows); count > 0; --count, --block.rows) {
    finish_row<finish>(block.values, block.bias, block.out);
    block.values += kBlock;
    block.out += width;
  }
}

/// Products of a block of `x`, [kBlock, inputs], as sums into `sums`; meanwhile `before` is
/// finished, but for rows that more steps would be needed for.
template <Finish finish>
FORKDEX_TARGET_AMX void multiply_block(MatrixView<const Bf16> x, const Bf16* tiles, float* sums,
                                       Sums& before, std::size_t width) {
  const std::size_t steps = x.columns / kDepth;
  const std::size_t rows_a_step = (kBlock + steps - 1) / steps;
  const std::size_t row_bytes = x.stride * sizeof(Bf16);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::size_t step = 0; step < steps; ++step, tiles += 2 * kTileValues) {
    _tile_loadd(4, x.data + step * kDepth, row_bytes);
    _tile_loadd(6, tiles, kDepth * sizeof(Bf16));
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, tiles + kTileValues, kDepth * sizeof(Bf16));
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, x.row(kTile) + step * kDepth, row_bytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    finish_rows<finish>(before, rows_a_step, width);
  }
  constexpr std::size_t kSumBytes = kBlock * sizeof(float);
  _tile_stored(0, sums, kSumBytes);
  _tile_stored(1, sums + kTile, kSumBytes);
  _tile_stored(2, sums + kTile * kBlock, kSumBytes);
  _tile_stored(3, sums + kTile * kBlock + kTile, kSumBytes);
}

template <Finish finish>
FORKDEX_TARGET_AMX void run(const PackedLinear<Bf16>& layer, MatrixView<const Bf16> x, Bf16* out) {
  constexpr bool kIsGated = finish == Finish::kGatedGelu || finish == Finish::kGatedSilu;
  constexpr std::size_t kOutputs = kIsGated ? kBlock / 2 : kBlock;  // a block's, in the result
  alignas(64) float sums[2][kBlock * kBlock];
  const std::size_t pairs = layer.outputs / kBlock;
  const std::size_t row_blocks = x.rows / kBlock;
  const std::size_t width = pairs * kOutputs;
  // Small weights stay in the cache while rows pass by; of big ones each pair of panels does.
  const bool is_big = layer.outputs * layer.inputs * sizeof(Bf16) > kBigWeights;
  Sums before;
  for (std::size_t block = 0; block < pairs * row_blocks; ++block) {
    const std::size_t pair = is_big ? block / row_blocks : block % pairs;
    const std::size_t row = (is_big ? block % row_blocks : block / pairs) * kBlock;
    float* const target = sums[block % 2];
    multiply_block<finish>(x.row_block(row, kBlock), layer.weights + pair * kBlock * layer.inputs,
                           target, before, width);
    finish_rows<finish>(before, kBlock, width);
    before = {target, layer.bias + pair * kBlock, out + row * width + pair * kOutputs, kBlock};
  }
  finish_rows<finish>(before, kBlock, width);
}

}  // namespace

FORKDEX_TARGET_AMX void linear_amx(const PackedLinear<Bf16>& layer, const Bf16* x, std::size_t rows,
                                   Bf16* out) {
  const MatrixView<const Bf16> all = {x, rows, layer.inputs, layer.inputs};
  const TileConfig config;
  _tile_loadconfig(&config);
  if (!layer.activation)
    run<Finish::kNothing>(layer, all, out);
  else if (!layer.is_gated)
    run<Finish::kGelu>(layer, all, out);
  else if (*layer.activation == Activation::kGelu)
    run<Finish::kGatedGelu>(layer, all, out);
  else
    run<Finish::kGatedSilu>(layer, all, out);
  _tile_release();
}

}  // namespace forkdex::kernels

#endif
