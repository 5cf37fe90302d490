// Linear layers in fp32 by vectors, on weights that lie in panels of 16 outputs.

#if defined(__x86_64__)

#include <algorithm>

#include "worker/embed/encoder/kernels/generations.h"
#include "worker/embed/encoder/kernels/products.h"

namespace forkdex::kernels {
namespace {

constexpr std::size_t kRowBlock = 96;  // rows that pass a panel while it is in the cache

template <class Processor>
struct LinearKernel : Products<Processor> {
  using Base = Products<Processor>;
  using Base::kRows;
  using Base::kWidth;
  using Base::load;
  using Base::store;

  static constexpr std::size_t kVectors = kPanel / kWidth;

  // out = addend + x · a panel's block of weights, [inputs of x, kPanel]. Each tile of rows brings
  // a part of the weights from the block's end to `end` nearer: they are used next.
  FORKDEX_INLINE static void multiply_block(MatrixView<const float> x, const float* weights,
                                            const float* end, Addend addend,
                                            MatrixView<float> out) {
    const MatrixView<const float> block = {weights, x.columns, kPanel, kPanel};
    const float* next = block.row(block.rows);
    const std::size_t share = (block.rows * kRows + kRowBlock - 1) / kRowBlock;  // inputs
    while (x.rows >= kRows) {
      for (std::size_t i = 0; i < share && next < end; ++i, next += kPanel)
        __builtin_prefetch(next, 0, 2);
      Base::template multiply_tile<kRows, kVectors>(x, block, out, addend);
      x = x.rows_from(kRows);
      out = out.rows_from(kRows);
      addend.values += kRows * addend.row;
    }
    Base::template multiply_column<kRows / 2, kVectors>(x, block, out, addend);
  }

  // out, [rows, kPanelPair], = bias + x, [rows, inputs], · a pair of panels of weights; `end` is
  // that of the layer's weights.
  FORKDEX_INLINE static void multiply_pair(MatrixView<const float> x, const float* weights,
                                           const float* end, const float* bias,
                                           MatrixView<float> out) {
    for (std::size_t first = 0; first < x.columns; first += kDepthBlock) {
      const std::size_t depth = std::min(kDepthBlock, x.columns - first);
      for (std::size_t p = 0; p < kPanelPair; p += kPanel, weights += depth * kPanel) {
        const MatrixView<float> panel = out.column_block(p, kPanel);
        multiply_block(x.column_block(first, depth), weights, end,
                       first == 0 ? Addend{bias + p, 0} : Addend{panel.data, panel.stride}, panel);
      }
    }
  }

  // What follows the products, of one row's sums of a pair.
  FORKDEX_INLINE static void finish(const PackedLinear<float>& layer, const float* sums,
                                    float* out) {
    Base::with_activation(*layer.activation, [&] [[gnu::always_inline]] (auto activate) {
      if (layer.is_gated)
        for (std::size_t i = 0; i < kPanel; i += kWidth)
          store(activate(load(sums + i)) * load(sums + kPanel + i), out + i);
      else
        for (std::size_t i = 0; i < kPanelPair; i += kWidth)
          store(activate(load(sums + i)), out + i);
    });
  }

  FORKDEX_INLINE static void linear(const PackedLinear<float>& layer, MatrixView<const float> x,
                                    float* out) {
    alignas(64) float sums[kRowBlock * kPanelPair];
    const std::size_t made = layer.is_gated ? kPanel : kPanelPair;  // of a pair, in the result
    const std::size_t width = layer.outputs / kPanelPair * made;
    const float* const end = layer.weights + layer.outputs * layer.inputs;
    const bool is_plain = !layer.activation;  // the sums are the result
    for (std::size_t start = 0; start < x.rows; start += kRowBlock) {
      const std::size_t count = std::min(kRowBlock, x.rows - start);
      for (std::size_t first = 0; first < layer.outputs; first += kPanelPair) {
        float* const column = out + start * width + first / kPanelPair * made;
        multiply_pair(x.row_block(start, count), layer.weights + first * layer.inputs, end,
                      layer.bias + first,
                      {is_plain ? column : sums, count, kPanelPair, is_plain ? width : kPanelPair});
        if (is_plain) continue;
        for (std::size_t r = 0; r < count; ++r)
          finish(layer, sums + r * kPanelPair, column + r * width);
      }
    }
  }
};

}  // namespace

FORKDEX_TARGET_AVX2 void linear_avx2(const PackedLinear<float>& layer, const float* x,
                                     std::size_t rows, float* out) {
  LinearKernel<Avx2>::linear(layer, {x, rows, layer.inputs, layer.inputs}, out);
}

}  // namespace forkdex::kernels

#endif
