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

  // out = addend + x · a panel's block of `depth` inputs. Each tile of rows brings a part of the
  // weights behind the block nearer: they are used next.
  FORKDEX_INLINE static void multiply_block(const float* x, std::size_t inputs, std::size_t rows,
                                            const float* block, std::size_t depth, const float* end,
                                            Addend addend, float* out, std::size_t out_row) {
    const float* next = block + depth * kPanel;
    const std::size_t share = (depth * kRows + kRowBlock - 1) / kRowBlock;  // inputs
    for (; rows >= kRows; rows -= kRows, x += kRows * inputs, out += kRows * out_row) {
      for (std::size_t i = 0; i < share && next < end; ++i, next += kPanel)
        __builtin_prefetch(next, 0, 2);
      Base::template multiply_tile<kRows, kVectors>(x, inputs, block, kPanel, depth, out, out_row,
                                                    addend);
      addend.values += kRows * addend.row;
    }
    Base::template multiply_column<kRows / 2, kVectors>(x, inputs, block, kPanel, rows, depth, out,
                                                        out_row, addend);
  }

  // out = bias + x · a pair of panels; `end` is that of the layer's weights.
  FORKDEX_INLINE static void multiply_pair(const float* x, std::size_t inputs, std::size_t rows,
                                           const float* block, const float* end, const float* bias,
                                           float* out, std::size_t out_row) {
    for (std::size_t first = 0; first < inputs; first += kDepthBlock) {
      const std::size_t depth = std::min(kDepthBlock, inputs - first);
      for (std::size_t p = 0; p < kPanelPair; p += kPanel, block += depth * kPanel)
        multiply_block(x + first, inputs, rows, block, depth, end,
                       first == 0 ? Addend{bias + p, 0} : Addend{out + p, out_row}, out + p,
                       out_row);
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

  FORKDEX_INLINE static void linear(const PackedLinear<float>& layer, const float* x,
                                    std::size_t rows, float* out) {
    alignas(64) float sums[kRowBlock * kPanelPair];
    const std::size_t made = layer.is_gated ? kPanel : kPanelPair;  // of a pair, in the result
    const std::size_t width = layer.outputs / kPanelPair * made;
    const float* const end = layer.weights + layer.outputs * layer.inputs;
    const bool is_plain = !layer.activation;  // the sums are the result
    for (std::size_t start = 0; start < rows; start += kRowBlock) {
      const std::size_t count = std::min(kRowBlock, rows - start);
      for (std::size_t first = 0; first < layer.outputs; first += kPanelPair) {
        float* const column = out + start * width + first / kPanelPair * made;
        multiply_pair(x + start * layer.inputs, layer.inputs, count,
                      layer.weights + first * layer.inputs, end, layer.bias + first,
                      is_plain ? column : sums, is_plain ? width : kPanelPair);
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
  LinearKernel<Avx2>::linear(layer, x, rows, out);
}

}  // namespace forkdex::kernels

#endif
